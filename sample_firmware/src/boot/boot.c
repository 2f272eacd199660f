/* Boot loader. It copies the image of the slot that the records select to address 0 of the board's code memory and starts it
   there. It has no variables, so that nothing of it is left while the image runs. It is at the upper end of the code memory.
   QEMU puts its vectors back to address 0 at each reset, like a boot ROM that is mapped there at reset. */
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "flash.h"
#include "slots.h"

void boot(void);

static void put(const char *text) {
    for (; *text; text++) {
        while (UART_STATE(UART0) & UART_STATE_TX_FULL) {}
        UART_DATA(UART0) = (uint8_t)*text;
    }
}

static void put_slot(const char *before, uint8_t slot, const char *after) {
    char digit[2] = {(char)('0' + slot), 0};
    put(before);
    put(digit);
    put(after);
}

/* Copies the complete image of a slot to address 0 and starts it as after a reset (Armv7-M ARM B1.5.5). */
static void start(uint8_t slot) {
    const char *why;
    const image_id_t *id = slots_image(slot, &why);
    if (id == NULL) {
        put_slot("boot: slot ", slot, " refused: ");
        put(why);
        put("\r\n");
        return;
    }
    put_slot("boot: slot ", slot, "\r\n");
    const uint32_t *from = (const uint32_t *)flash_at(SLOT_OFFSET(slot));
    uint32_t stack = from[0], entry = from[1];
    volatile uint32_t *code = 0;
    for (uint32_t i = 0; i < (id->length + 3) / 4; i++) code[i] = from[i];
    __asm__ volatile("msr msp, %0\n\t"
                     "dsb\n\t"
                     "isb\n\t"
                     "bx %1" ::"r"(stack), "r"(entry) : "memory");
    __builtin_unreachable();
}

static void start_trial(boot_state_t state) {
    if (state.attempts < TRIAL_ATTEMPTS && slots_record(RECORD_ATTEMPT, state.trial) == 0) start(state.trial);
    put_slot("boot: slot ", state.trial, " given up\r\n");
    if (state.active != SLOT_NONE) slots_record(RECORD_ACTIVE, state.active);
}

void boot(void) {
    UART_BAUDDIV(UART0) = CORE_CLOCK_HZ / 115200u;
    UART_CTRL(UART0) = UART_CTRL_TX_ENABLE;
    boot_state_t state = slots_state();
    if (state.trial != SLOT_NONE) start_trial(state);
    if (state.active != SLOT_NONE) start(state.active);
    for (uint8_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (slot != state.active) start(slot);
    }
    put("boot: no image\r\n");
    for (;;) wait_for_interrupt();
}

extern uint32_t stack_top[];

typedef void (*handler_t)(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    handler_t reset;
} vectors = {stack_top, boot};
