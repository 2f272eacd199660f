#ifndef START_H
#define START_H

/* Ends the program through the debugger (semihosting). Without a debugger the board faults and stops. */
__attribute__((noreturn)) void halt(int code);

/* SysTick; defined in main.c. */
void tick_handler(void);

#endif
