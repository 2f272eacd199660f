#include "shell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alarm.h"
#include "image.h"
#include "sensor.h"
#include "start.h"
#include "uart.h"
#include "update.h"
#include "uplink.h"
#include "version.h"

#define LINE_MAX 64u
#define WORDS_MAX 4

typedef struct {
    const char *name, *help;
    void (*run)(int count, char **words);
} command_t;

static const uint8_t *image_digest;
static char line[LINE_MAX];
static uint32_t filled;

static void print_hex(const uint8_t *data, size_t length) {
    for (size_t i = 0; i < length; i++) uart_printf("%02x", data[i]);
    uart_printf("\n");
}

static void print_degrees(const char *name, int32_t centidegrees) {
    unsigned long size = (unsigned long)(centidegrees < 0 ? -centidegrees : centidegrees);
    uart_printf("%s %s%lu.%02lu", name, centidegrees < 0 ? "-" : "", size / 100, size % 100);
}

static void run_version(int count, char **words) {
    (void)count, (void)words;
    uart_printf("%s %u.%u.%u, hardware 0x%08lx, image %lu bytes\n", image_id.name, image_id.major, image_id.minor,
                image_id.patch, (unsigned long)image_id.hardware_id, (unsigned long)image_id.length);
}

static void run_hash(int count, char **words) {
    (void)count, (void)words;
    uart_printf("sha256 ");
    print_hex(image_digest, SHA256_BYTES);
}

static void run_read(int count, char **words) {
    (void)count, (void)words;
    const reading_t *reading = sensor_reading();
    uint8_t payload[PAYLOAD_MAX], frame[UPLINK_FRAME_MAX];
    size_t length = sensor_payload(payload);
    uart_printf("reading %lu: raw %u, filtered %u/16, ", (unsigned long)reading->sequence, reading->raw,
                reading->filtered_q4);
    print_degrees("temperature", reading->centidegrees);
    uart_printf(" C, vibration %u\npayload ", reading->vibration);
    print_hex(payload, length);
    uart_printf("uplink ");
    print_hex(frame, uplink_frame(payload, length, frame));
}

#if FW_HAS_ALARM
static void run_alarm(int count, char **words) {
    static const char *const names[] = {"none", "too cold", "too warm"};
    if (count != 1 && count != 3) {
        uart_printf("alarm takes no number or two: low and high, in 0.01 C\n");
        return;
    }
    if (count == 3) {
        alarm_limits_t wanted = {strtol(words[1], NULL, 10), strtol(words[2], NULL, 10)};
        if (!alarm_set_limits(wanted)) uart_printf("refused: high must be more than 40 above low\n");
    }
    print_degrees("alarm limits", alarm_limits().low);
    print_degrees(" to", alarm_limits().high);
    uart_printf(" C, state %s\n", names[alarm_state()]);
}

static void run_stats(int count, char **words) {
    (void)count, (void)words;
    statistics_t statistics = alarm_statistics();
    uart_printf("last %lu readings: ", (unsigned long)statistics.count);
    print_degrees("minimum", statistics.minimum);
    print_degrees(", mean", statistics.mean);
    print_degrees(", maximum", statistics.maximum);
    uart_printf(" C\n");
}
#endif

static void run_update(int count, char **words) {
    (void)count, (void)words;
    update_print();
}

static void run_exit(int count, char **words) {
    (void)count, (void)words;
    uart_printf("bye\n");
    halt(0);
}

static void run_help(int count, char **words);

static const command_t COMMANDS[] = {
    {"version", "name, version, hardware and size of the running image", run_version},
    {"hash", "SHA-256 of the running image, computed at start", run_hash},
    {"read", "the last reading and the uplink that carries it", run_read},
#if FW_HAS_ALARM
    {"alarm", "the temperature limits and the state; alarm LOW HIGH sets them, in 0.01 C", run_alarm},
    {"stats", "minimum, mean and maximum of the last readings", run_stats},
#endif
    {"update", "the slots, and the session that fills one", run_update},
    {"exit", "stop the processor (semihosting)", run_exit},
    {"help", "this list", run_help},
};

#define COMMAND_COUNT (sizeof COMMANDS / sizeof COMMANDS[0])

static void run_help(int count, char **words) {
    (void)count, (void)words;
    for (size_t i = 0; i < COMMAND_COUNT; i++) uart_printf("%-8s %s\n", COMMANDS[i].name, COMMANDS[i].help);
}

static int split(char *text, char *words[WORDS_MAX]) {
    int count = 0;
    for (char *c = text; *c; c++) {
        if (*c == ' ') {
            *c = 0;
        } else if ((c == text || c[-1] == 0) && count < WORDS_MAX) {
            words[count++] = c;
        }
    }
    return count;
}

static void run_line(void) {
    char *words[WORDS_MAX];
    int count = split(line, words);
    if (count == 0) return;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(words[0], COMMANDS[i].name) == 0) {
            COMMANDS[i].run(count, words);
            return;
        }
    }
    uart_printf("unknown command: %s (try help)\n", words[0]);
}

static void finish_line(void) {
    uart_printf("\n");
    line[filled] = 0;
    filled = 0;
    run_line();
    uart_printf("> ");
}

static void take(char c) {
    if (c == '\r' || c == '\n') {
        if (filled || c == '\r') finish_line();
    } else if (c == '\b' || c == 0x7f) {
        if (filled == 0) return;
        filled--;
        uart_printf("\b \b");
    } else if (c >= ' ' && filled < LINE_MAX - 1) {
        line[filled++] = c;
        uart_putc(CONSOLE, c);
    }
}

void shell_init(const uint8_t digest[SHA256_BYTES]) {
    image_digest = digest;
    uart_printf("\n");
    run_version(0, NULL);
    run_hash(0, NULL);
    uart_printf("help lists the commands\n> ");
}

void shell_notice(const char *format, ...) {
    char text[120];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    line[filled] = 0;
    uart_printf("\r* %s\n> %s", text, line);
}

void shell_poll(void) {
    for (int c = uart_getc(CONSOLE); c >= 0; c = uart_getc(CONSOLE)) take((char)c);
}
