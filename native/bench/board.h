#ifndef FUOTA_BENCH_BOARD_H
#define FUOTA_BENCH_BOARD_H

#include <stdint.h>

#define INSTRUCTIONS_PER_TICK 40u

void board_print(const char *text);
void board_exit(int code);
uint32_t board_ticks(void);

#endif
