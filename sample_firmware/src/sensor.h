/* Readings from conversions: low-pass filter, thermistor table, amplitude of the compressor's vibration. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stddef.h>
#include <stdint.h>

#define SENSOR_RATE_HZ 100u

typedef struct {
    uint32_t sequence;
    uint16_t raw;         /* the last conversion, 12 bits */
    uint16_t filtered_q4; /* after the filter, in 1/16 of a converter step */
    int32_t centidegrees; /* 0.01 degrees Celsius */
    uint16_t vibration;   /* amplitude of the 12.5 Hz part, in converter steps */
} reading_t;

/* Fills the filter, so that there is a reading from the start. */
void sensor_init(void);

/* Takes a conversion. Call it SENSOR_RATE_HZ times a second. */
void sensor_step(void);

const reading_t *sensor_reading(void);

#define PAYLOAD_MAX 16u

/* Writes the payload of the last reading, see README.md. Returns its length. */
size_t sensor_payload(uint8_t payload[PAYLOAD_MAX]);

#endif
