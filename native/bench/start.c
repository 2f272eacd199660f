/* Start-up of a Cortex-M under QEMU (mps2-an385, mps2-an386), with semihosting for output and the exit code. */
#include "board.h"

extern uint32_t _sidata, _sdata, _edata, _sbss, _ebss, _estack;
int main(void);

#define TIMER_CTRL (*(volatile uint32_t *)0x40000000u) /* CMSDK timer 0: 25 MHz, which is 40 instructions at one each ns */
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004u)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008u)

static int semihosting(int operation, const void *argument) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_print(const char *text) { semihosting(0x04, text); } /* SYS_WRITE0 */

void board_exit(int code) {
    uint32_t block[2] = {0x20026u, (uint32_t)code}; /* SYS_EXIT_EXTENDED, ADP_Stopped_ApplicationExit */
    semihosting(0x20, block);
    for (;;) {}
}

uint32_t board_ticks(void) { return 0xFFFFFFFFu - TIMER_VALUE; }

void reset(void);
void reset(void) {
    uint32_t *from = &_sidata, *to;
    for (to = &_sdata; to < &_edata;) *to++ = *from++;
    for (to = &_sbss; to < &_ebss;) *to++ = 0;
    TIMER_RELOAD = TIMER_VALUE = 0xFFFFFFFFu;
    TIMER_CTRL = 1;
    board_exit(main());
}

static void fault(void) {
    board_print("fault\n");
    board_exit(99);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &_estack, reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault};
