/* mps2-an385: Cortex-M3, core clock 25 MHz (Arm DAI 0385). Only the registers that this program uses. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define CORE_CLOCK_HZ 25000000u

/* System timer and system control block: Armv7-M ARM (DDI 0403), B3.2 and B3.3. */
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define SYST_CSR_RUN 7u /* processor clock, interrupt, enable */
#define NVIC_ISER0 REGISTER(0xE000E100u)
#define SCB_VTOR REGISTER(0xE000ED08u)
#define SCB_CFSR REGISTER(0xE000ED28u)

#define SCB_AIRCR REGISTER(0xE000ED0Cu)
#define SCB_AIRCR_SYSTEM_RESET 0x05FA0004u /* the key, SYSRESETREQ */

/* APB UART: Cortex-M System Design Kit TRM (DDI 0479), chapter on the APB components. */
#define UART0 0x40004000u
#define UART1 0x40005000u
#define UART_DATA(base) REGISTER(base)
#define UART_STATE(base) REGISTER((base) + 4u)
#define UART_CTRL(base) REGISTER((base) + 8u)
#define UART_INTCLEAR(base) REGISTER((base) + 12u)
#define UART_BAUDDIV(base) REGISTER((base) + 16u)
#define UART_STATE_TX_FULL 1u
#define UART_STATE_RX_FULL 2u
#define UART_CTRL_TX_ENABLE 1u
#define UART_CTRL_RX_ENABLE 2u
#define UART_CTRL_RX_INTERRUPT 8u
#define UART_INT_RX 2u
#define UART0_RX_IRQ 0u /* AN385, interrupt map */
#define UART1_RX_IRQ 2u

static inline void interrupts_off(void) { __asm__ volatile("cpsid i" ::: "memory"); }
static inline void interrupts_on(void) { __asm__ volatile("cpsie i" ::: "memory"); }
/* Wakes up on a pending interrupt even while interrupts are off, so a check before the call loses no wake-up. */
static inline void wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }

static inline void reset_machine(void) {
    __asm__ volatile("dsb" ::: "memory");
    SCB_AIRCR = SCB_AIRCR_SYSTEM_RESET;
    for (;;) wait_for_interrupt();
}

#endif
