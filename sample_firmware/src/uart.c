#include "uart.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "board.h"

#define BAUD 115200u
#define RING_SIZE 256u /* a power of two */

static volatile uint8_t ring[RING_SIZE];
static volatile uint32_t head, tail; /* they run freely; head - tail is the fill level */

void uart_init(void) {
    UART0_BAUDDIV = CORE_CLOCK_HZ / BAUD;
    UART0_CTRL = UART_CTRL_TX_ENABLE | UART_CTRL_RX_ENABLE | UART_CTRL_RX_INTERRUPT;
    NVIC_ISER0 = 1u << UART0_RX_IRQ;
}

/* Leaves the byte in the UART while the ring is full: a sender that waits for the UART then loses nothing. */
static void drain(void) {
    while ((UART0_STATE & UART_STATE_RX_FULL) && head - tail < RING_SIZE) {
        ring[head % RING_SIZE] = (uint8_t)UART0_DATA;
        head = head + 1;
    }
}

void uart_rx_handler(void) {
    UART0_INTCLEAR = UART_INT_RX;
    drain();
}

int uart_pending(void) {
    drain();
    return head != tail;
}

int uart_getc(void) {
    int byte = -1;
    interrupts_off();
    if (uart_pending()) {
        byte = ring[tail % RING_SIZE];
        tail = tail + 1;
    }
    interrupts_on();
    return byte;
}

void uart_putc(char byte) {
    while (UART0_STATE & UART_STATE_TX_FULL) {}
    UART0_DATA = (uint8_t)byte;
}

void uart_printf(const char *format, ...) {
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (const char *c = text; *c; c++) {
        if (*c == '\n') uart_putc('\r');
        uart_putc(*c);
    }
}
