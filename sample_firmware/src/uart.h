/* The console: UART0, 115200 baud, interrupt-driven receive, polled transmit. */
#ifndef UART_H
#define UART_H

void uart_init(void);

/* The next received character, or -1 when there is none. */
int uart_getc(void);

/* 1 when uart_getc would find something. Call it with interrupts off before sleeping. */
int uart_pending(void);

/* One byte as it is. */
void uart_putc(char byte);

/* Text; every \n is sent as \r\n. At most 159 characters after formatting, the rest is cut. */
__attribute__((format(printf, 1, 2))) void uart_printf(const char *format, ...);

void uart_rx_handler(void);

#endif
