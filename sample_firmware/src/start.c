/* Vector table, identification block, and the code from reset to main. */
#include <stdint.h>

#include "board.h"
#include "image.h"
#include "sha256.h"
#include "slots.h"
#include "start.h"
#include "uart.h"
#include "version.h"

_Static_assert(sizeof(image_id_t) == 32, "tools rely on the size of the identification block");

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[];
extern const uint8_t image_length[]; /* its address is the length */

int main(void);
void reset(void);
void report_fault(const uint32_t *frame);

void reset(void) {
    const uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end;) *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;) *to++ = 0;
    SCB_VTOR = (uint32_t)image_start;
    main();
    halt(0);
}

/* Armv7-M ARM B1.5.6: the hardware pushed r0-r3, r12, lr, pc, xpsr. */
__attribute__((used)) void report_fault(const uint32_t *frame) {
    uart_printf("\nfault: pc 0x%08lx lr 0x%08lx cfsr 0x%08lx\n", (unsigned long)frame[6], (unsigned long)frame[5],
                (unsigned long)SCB_CFSR);
    if (slots_state().trial != SLOT_NONE) reset_machine(); /* another attempt, or the previous image */
    for (;;) wait_for_interrupt();
}

__attribute__((naked)) static void fault(void) {
    __asm__ volatile("mrs r0, msp\n\t"
                     "b report_fault");
}

/* Semihosting, SYS_EXIT_EXTENDED (0x20) with ADP_Stopped_ApplicationExit: Arm "Semihosting for AArch32 and AArch64". */
void halt(int code) {
    const uint32_t block[2] = {0x20026u, (uint32_t)code};
    register uint32_t r0 __asm__("r0") = 0x20u;
    register const uint32_t *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    for (;;) wait_for_interrupt();
}

typedef void (*handler_t)(void);

typedef struct {
    uint32_t *stack;
    handler_t system[15];
    handler_t interrupts[32]; /* AN385 has 32 */
} vectors_t;

_Static_assert(sizeof(vectors_t) == IMAGE_ID_OFFSET, "the identification block follows the vector table");

/* An unexpected interrupt is a fault too: `fault` is the vector of every interrupt without a handler. */
__attribute__((section(".vectors"), used)) static const vectors_t vectors = {
    .stack = stack_top,
    .system = {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, tick_handler},
    .interrupts = {[UART0_RX_IRQ] = uart_console_handler, [1] = fault, [UART1_RX_IRQ] = uart_modem_handler, [3 ... 31] = fault},
};

__attribute__((section(".image_id"), used)) const image_id_t image_id = {
    .magic = {'F', 'W', 'I', 'D'},
    .major = FW_MAJOR,
    .minor = FW_MINOR,
    .patch = FW_PATCH,
    .layout = IMAGE_ID_LAYOUT,
    .length = (uint32_t)image_length,
    .hardware_id = FW_HARDWARE_ID,
    .name = FW_NAME,
};

/* SHA-256 of the image up to here, inserted by build.sh. A receiver checks with it that the image is complete. */
__attribute__((section(".digest"), used)) static const uint8_t image_digest[SHA256_BYTES] = {0};

/* newlib needs this function; this program does not allocate, so there is no heap. */
void *_sbrk(intptr_t increment);
void *_sbrk(intptr_t increment) {
    (void)increment;
    return (void *)-1;
}
