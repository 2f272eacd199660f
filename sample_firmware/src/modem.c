#include "modem.h"

#include "application.h"
#include "fragmentation.h"
#include "management.h"
#include "tables.h"
#include "uart.h"
#include "update.h"

#define FLAG 0x7Eu
#define ESCAPE 0x7Du
#define FLIP 0x20u
#define FRAME_MAX (MODEM_PAYLOAD_MAX + 5u) /* kind, two bytes of header, CRC */

static uint8_t frame[FRAME_MAX];
static uint32_t filled;
static uint8_t flip;

static void put(uint8_t octet) {
    if (octet == FLAG || octet == ESCAPE) {
        uart_putc(MODEM, ESCAPE);
        octet ^= FLIP;
    }
    uart_putc(MODEM, (char)octet);
}

static void send(const uint8_t *octets, size_t length) {
    uint16_t crc = crc16(octets, length);
    uart_putc(MODEM, FLAG);
    for (size_t i = 0; i < length; i++) put(octets[i]);
    put((uint8_t)crc);
    put((uint8_t)(crc >> 8));
    uart_putc(MODEM, FLAG);
}

static void send_kind(modem_kind_t kind) {
    uint8_t octet = (uint8_t)kind;
    send(&octet, 1);
}

void modem_init(void) { send_kind(MODEM_STARTED); }

void modem_uplink(uint8_t block_ack_delay, uint8_t port, const uint8_t *payload, size_t length) {
    uint8_t octets[3 + 64] = {MODEM_UPLINK, block_ack_delay, port};
    if (length > sizeof octets - 3) return;
    for (size_t i = 0; i < length; i++) octets[3 + i] = payload[i];
    send(octets, 3 + length);
}

static void downlink(uint8_t group, uint8_t port, const uint8_t *payload, size_t length) {
    if (port == FRAGMENTATION_FPORT) fragmentation_downlink(group, payload, length);
    if (port == MANAGEMENT_FPORT && group == MODEM_UNICAST) management_downlink(payload, length);
}

static void handle(size_t length) {
    if (length < 1 + 2 || crc16(frame, length - 2) != (frame[length - 2] | frame[length - 1] << 8)) return;
    update_confirm();
    if (frame[0] == MODEM_DOWNLINK && length >= 5) downlink(frame[1], frame[2], frame + 3, length - 5);
    if (frame[0] == MODEM_SESSION_OVER) update_start();
    if (frame[0] == MODEM_UPLINK_DUE) application_uplink();
    send_kind(MODEM_DONE);
}

static void take(uint8_t octet) {
    if (octet == FLAG) {
        if (filled <= FRAME_MAX) handle(filled);
        filled = flip = 0;
    } else if (octet == ESCAPE) {
        flip = FLIP;
    } else {
        if (filled < FRAME_MAX) frame[filled] = octet ^ flip;
        if (filled <= FRAME_MAX) filled++; /* one more than FRAME_MAX: the frame is too long and dropped at its end */
        flip = 0;
    }
}

void modem_poll(void) {
    for (int octet = uart_getc(MODEM); octet >= 0; octet = uart_getc(MODEM)) take((uint8_t)octet);
}
