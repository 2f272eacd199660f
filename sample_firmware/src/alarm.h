/* Since 1.1.0: is the temperature where it has to be, and where was it lately? All in 0.01 degrees Celsius. */
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

/* 0 and no change unless low < high with room for the hysteresis between them. */
int alarm_set_limits(alarm_limits_t limits);

/* Over the last 64 readings, or over all where there are fewer. */
statistics_t alarm_statistics(void);

#endif
