/* The two UARTs: the console (UART0) and the radio modem (UART1). 115200 baud, interrupt-driven receive, polled transmit. */
#ifndef UART_H
#define UART_H

typedef enum { CONSOLE, MODEM } uart_t;

void uart_init(void);

/* The next received byte, or -1 when there is none. */
int uart_getc(uart_t uart);

/* 1 when uart_getc would find something on either. Call it with interrupts off before sleeping. */
int uart_pending(void);

/* One byte as it is. */
void uart_putc(uart_t uart, char byte);

/* Text to the console; every \n is sent as \r\n. At most 159 characters after formatting, the rest is cut. */
__attribute__((format(printf, 1, 2))) void uart_printf(const char *format, ...);

void uart_console_handler(void);
void uart_modem_handler(void);

#endif
