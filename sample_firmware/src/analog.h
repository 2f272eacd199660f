/* The analog front end. */
#ifndef ANALOG_H
#define ANALOG_H

#include <stdint.h>

/* Returns a conversion of the thermistor divider, 0 to 4095. */
uint16_t analog_convert(void);

/* Phase step of the compressor's vibration between two conversions: 12.5 Hz at 100 Hz. */
#define COMPRESSOR_PHASE_STEP 8192u

#endif
