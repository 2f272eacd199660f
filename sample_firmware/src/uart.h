/* The two UARTs: the console (UART0) and the radio modem (UART1). 115200 baud, interrupt-driven receive, polled transmit. */
#ifndef UART_H
#define UART_H

typedef enum { CONSOLE, MODEM } uart_t;

void uart_init(void);

/* Returns the next received byte, or -1 if there is none. */
int uart_getc(uart_t uart);

/* Returns 1 if either UART has a received byte. Call it with interrupts off before sleeping. */
int uart_pending(void);

/* Sends a byte unchanged. */
void uart_putc(uart_t uart, char byte);

/* Prints text on the console; every \n is sent as \r\n. The text is cut to 159 characters after formatting. */
__attribute__((format(printf, 1, 2))) void uart_printf(const char *format, ...);

void uart_console_handler(void);
void uart_modem_handler(void);

#endif
