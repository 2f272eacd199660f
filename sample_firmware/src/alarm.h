/* Since 1.1.0: temperature alarm, and statistics of the last readings. All values are in 0.01 degrees Celsius. */
#ifndef ALARM_H
#define ALARM_H

#include <stdint.h>

typedef enum { ALARM_NONE, ALARM_LOW, ALARM_HIGH } alarm_state_t;

typedef struct {
    int32_t low, high;
} alarm_limits_t;

typedef struct {
    uint32_t count;
    int32_t minimum, mean, maximum;
} statistics_t;

void alarm_feed(int32_t centidegrees);
alarm_state_t alarm_state(void);
alarm_limits_t alarm_limits(void);

/* Returns 0 and changes nothing unless low < high with room for the hysteresis between them. */
int alarm_set_limits(alarm_limits_t limits);

/* Statistics of the last 64 readings, or of all readings if there are fewer. */
statistics_t alarm_statistics(void);

#endif
