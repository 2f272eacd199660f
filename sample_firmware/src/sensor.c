#include "sensor.h"

#include "alarm.h"
#include "analog.h"
#include "tables.h"
#include "version.h"

#define TAPS 32u
#define DECIMATION 10u /* a reading every 100 ms */
#define CORRELATION 64u /* conversions: 8 whole turns of the compressor */

/* Low-pass, 2.5 Hz at 100 Hz: sin(2 pi f x) / (pi x) under a Hamming window, Q15, sum 32768. */
static const int16_t LOW_PASS[TAPS] = {
    49, 68, 107, 174, 273, 408, 578, 780, 1006, 1246, 1488, 1718, 1923, 2090, 2208, 2268,
    2268, 2208, 2090, 1923, 1718, 1488, 1246, 1006, 780, 578, 408, 273, 174, 107, 68, 49,
};

static uint16_t history[TAPS];
static uint32_t conversions;
static int64_t in_phase, quadrature;
static reading_t last;

static uint16_t filter_q4(void) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < TAPS; i++) sum += LOW_PASS[i] * history[(conversions + i) % TAPS];
    if (sum < 0) sum = 0;
    if (sum > 4095 * 32768) sum = 4095 * 32768;
    return (uint16_t)(sum >> 11);
}

/* Integer square root, bit by bit from the highest. */
static uint32_t square_root(uint32_t x) {
    uint32_t root = 0;
    for (uint32_t bit = 1u << 15; bit; bit >>= 1) {
        if ((root | bit) * (root | bit) <= x) root |= bit;
    }
    return root;
}

/* Correlates with a sine and a cosine of the compressor's frequency, in Q15: the result is half the amplitude times
   CORRELATION. Sums in eighths of a step keep the squares within 32 bits, even at full scale. */
static void correlate(uint16_t code) {
    uint16_t phase = (uint16_t)(conversions * COMPRESSOR_PHASE_STEP);
    int32_t level = (int32_t)code - (last.filtered_q4 >> 4);
    in_phase += (int64_t)level * sine_q15(phase);
    quadrature += (int64_t)level * sine_q15((uint16_t)(phase + 16384u));
    if (conversions % CORRELATION) return;
    int32_t x = (int32_t)(in_phase / (8 * 32768)), y = (int32_t)(quadrature / (8 * 32768));
    last.vibration = (uint16_t)(square_root((uint32_t)(x * x) + (uint32_t)(y * y)) * 16 / CORRELATION);
    in_phase = quadrature = 0;
}

static void convert(void) {
    last.raw = analog_convert();
    history[conversions % TAPS] = last.raw;
    conversions++;
}

static void read_out(void) {
    last.filtered_q4 = filter_q4();
    last.centidegrees = thermistor_centidegrees(last.filtered_q4);
    last.sequence++;
#if FW_HAS_ALARM
    alarm_feed(last.centidegrees);
#endif
}

void sensor_step(void) {
    convert();
    correlate(last.raw);
    if (conversions % DECIMATION == 0) read_out();
}

void sensor_init(void) {
    for (uint32_t i = 0; i < TAPS; i++) convert();
    read_out();
    for (uint32_t i = 0; i < 2 * CORRELATION; i++) sensor_step();
}

const reading_t *sensor_reading(void) { return &last; }

static uint8_t *put16(uint8_t *p, uint32_t value) {
    *p++ = (uint8_t)(value >> 8);
    *p++ = (uint8_t)value;
    return p;
}

size_t sensor_payload(uint8_t payload[PAYLOAD_MAX]) {
    uint8_t *p = payload;
    *p++ = FW_HAS_ALARM ? 2 : 1;
    p = put16(p, last.sequence);
    p = put16(p, (uint32_t)last.centidegrees);
    p = put16(p, last.vibration);
#if FW_HAS_ALARM
    p = put16(p, (uint32_t)alarm_statistics().minimum);
    p = put16(p, (uint32_t)alarm_statistics().maximum);
    *p++ = (uint8_t)alarm_state();
#endif
    p = put16(p, crc16(payload, (size_t)(p - payload)));
    return (size_t)(p - payload);
}
