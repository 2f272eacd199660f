#include "version.h"
#if FW_HAS_ALARM

#include "alarm.h"

#define WINDOW 64u
#define HYSTERESIS 20 /* 0.2 degrees: the state does not change back and forth at a limit */
#define PATIENCE 5u   /* readings in a row before an alarm, so that an open door causes none */

static alarm_limits_t limits = {200, 800}; /* 2 to 8 degrees: cold chain of medicines */
static int32_t window[WINDOW];
static uint32_t fed, outside;
static alarm_state_t state;

static void raise_after_patience(alarm_state_t next) {
    outside = next == ALARM_NONE ? 0 : outside + 1;
    if (outside >= PATIENCE) state = next;
}

static int back_inside(int32_t centidegrees) {
    if (state == ALARM_LOW) return centidegrees > limits.low + HYSTERESIS;
    return centidegrees < limits.high - HYSTERESIS;
}

void alarm_feed(int32_t centidegrees) {
    window[fed++ % WINDOW] = centidegrees;
    if (state != ALARM_NONE && back_inside(centidegrees)) state = ALARM_NONE;
    if (centidegrees < limits.low) {
        raise_after_patience(ALARM_LOW);
    } else {
        raise_after_patience(centidegrees > limits.high ? ALARM_HIGH : ALARM_NONE);
    }
}

alarm_state_t alarm_state(void) { return state; }

alarm_limits_t alarm_limits(void) { return limits; }

int alarm_set_limits(alarm_limits_t wanted) {
    if (wanted.high - wanted.low <= 2 * HYSTERESIS) return 0;
    limits = wanted;
    return 1;
}

statistics_t alarm_statistics(void) {
    uint32_t count = fed < WINDOW ? fed : WINDOW;
    statistics_t result = {count, window[0], 0, window[0]};
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (window[i] < result.minimum) result.minimum = window[i];
        if (window[i] > result.maximum) result.maximum = window[i];
        sum += window[i];
    }
    result.mean = count ? sum / (int32_t)count : 0;
    return result;
}

#endif
