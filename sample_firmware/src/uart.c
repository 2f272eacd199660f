#include "uart.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "board.h"

#define BAUD 115200u
#define RING_SIZE 256u /* a power of two */

typedef struct {
    volatile uint8_t bytes[RING_SIZE];
    volatile uint32_t head, tail; /* they wrap around; head - tail is the fill level */
} ring_t;

static ring_t rings[2];
static const uint32_t BASES[2] = {[CONSOLE] = UART0, [MODEM] = UART1};

void uart_init(void) {
    for (uart_t uart = CONSOLE; uart <= MODEM; uart++) {
        UART_BAUDDIV(BASES[uart]) = CORE_CLOCK_HZ / BAUD;
        UART_CTRL(BASES[uart]) = UART_CTRL_TX_ENABLE | UART_CTRL_RX_ENABLE | UART_CTRL_RX_INTERRUPT;
    }
    NVIC_ISER0 = 1u << UART0_RX_IRQ | 1u << UART1_RX_IRQ;
}

/* Leaves the byte in the UART while the ring is full, so that a sender that waits for the UART loses nothing. */
static int drain(uart_t uart) {
    ring_t *ring = &rings[uart];
    while ((UART_STATE(BASES[uart]) & UART_STATE_RX_FULL) && ring->head - ring->tail < RING_SIZE) {
        ring->bytes[ring->head % RING_SIZE] = (uint8_t)UART_DATA(BASES[uart]);
        ring->head = ring->head + 1;
    }
    return ring->head != ring->tail;
}

void uart_console_handler(void) {
    UART_INTCLEAR(UART0) = UART_INT_RX;
    drain(CONSOLE);
}

void uart_modem_handler(void) {
    UART_INTCLEAR(UART1) = UART_INT_RX;
    drain(MODEM);
}

int uart_pending(void) { return drain(CONSOLE) | drain(MODEM); }

int uart_getc(uart_t uart) {
    ring_t *ring = &rings[uart];
    int byte = -1;
    interrupts_off();
    if (drain(uart)) {
        byte = ring->bytes[ring->tail % RING_SIZE];
        ring->tail = ring->tail + 1;
    }
    interrupts_on();
    return byte;
}

void uart_putc(uart_t uart, char byte) {
    while (UART_STATE(BASES[uart]) & UART_STATE_TX_FULL) {}
    UART_DATA(BASES[uart]) = (uint8_t)byte;
}

void uart_printf(const char *format, ...) {
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (const char *c = text; *c; c++) {
        if (*c == '\n') uart_putc(CONSOLE, '\r');
        uart_putc(CONSOLE, *c);
    }
}
