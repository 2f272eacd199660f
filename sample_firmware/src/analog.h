/* The analog front end. */
#ifndef ANALOG_H
#define ANALOG_H

#include <stdint.h>

/* One conversion of the thermistor divider: 0 to 4095. */
uint16_t analog_convert(void);

/* The phase of the compressor's vibration moves by this much from one conversion to the next: 12.5 Hz at 100 Hz. */
#define COMPRESSOR_PHASE_STEP 8192u

#endif
