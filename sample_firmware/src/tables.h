/* Look-up tables and the functions that read them. */
#ifndef TABLES_H
#define TABLES_H

#include <stddef.h>
#include <stdint.h>

/* Sine in Q15; a whole turn is 65536. */
int32_t sine_q15(uint16_t phase);

/* Temperature in 0.01 degrees Celsius for a thermistor code in 1/16 steps of the 12-bit converter (0 to 65535). */
int32_t thermistor_centidegrees(uint16_t code_q4);

/* CRC-16 with polynomial 0x1021, start value 0 (as in XMODEM). */
uint16_t crc16(const uint8_t *data, size_t length);

#endif
