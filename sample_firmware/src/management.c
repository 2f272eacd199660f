#include "management.h"

#include "modem.h"
#include "version.h"

#define PACKAGE_IDENTIFIER 4u
#define PACKAGE_VERSION 1u
#define CID_PACKAGE_VERSION 0x00u
#define CID_DEV_VERSION 0x01u
#define ANSWER_MAX 60u

static uint8_t *put32(uint8_t *p, uint32_t value) {
    for (int i = 0; i < 4; i++) *p++ = (uint8_t)(value >> (8 * i));
    return p;
}

void management_downlink(const uint8_t *payload, size_t length) {
    uint8_t answer[ANSWER_MAX], *p = answer;
    for (size_t i = 0; i < length && payload[i] <= CID_DEV_VERSION && p + 9 <= answer + ANSWER_MAX; i++) {
        *p++ = payload[i];
        if (payload[i] == CID_PACKAGE_VERSION) {
            *p++ = PACKAGE_IDENTIFIER;
            *p++ = PACKAGE_VERSION;
        } else {
            p = put32(p, FW_VERSION);
            p = put32(p, FW_HARDWARE_ID);
        }
    }
    if (p != answer) modem_uplink(MODEM_AT_ONCE, MANAGEMENT_FPORT, answer, (size_t)(p - answer));
}
