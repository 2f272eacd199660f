/* mps2-an385 has no converter. This file simulates a converter: a refrigerator at 5 +- 4 degrees Celsius whose "day" lasts
   a minute, so that the temperature visibly changes on the console, with the vibration of the compressor and noise. */
#include "analog.h"

#include "tables.h"

#define CODE_AT_5_DEGREES 2955
#define DAY_CODES 165
#define DAY_PHASE_STEP 11u /* 5958 conversions, 59.6 s */
#define COMPRESSOR_CODES 60

static uint32_t noise_state = 0x2545F491u;

/* xorshift32 (Marsaglia, 2003); the top bits, as -8 to 7. */
static int32_t noise(void) {
    noise_state ^= noise_state << 13;
    noise_state ^= noise_state >> 17;
    noise_state ^= noise_state << 5;
    return (int32_t)(noise_state >> 28) - 8;
}

uint16_t analog_convert(void) {
    static uint16_t day, compressor;
    day += DAY_PHASE_STEP;
    compressor += COMPRESSOR_PHASE_STEP;
    int32_t code = CODE_AT_5_DEGREES + noise();
    code += (DAY_CODES * sine_q15(day)) / 32768;
    code += (COMPRESSOR_CODES * sine_q15(compressor)) / 32768;
    return (uint16_t)code;
}
