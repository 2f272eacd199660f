/* What the application says over the air: which image it runs (docs/image-report.md). */
#ifndef APPLICATION_H
#define APPLICATION_H

#include <stdint.h>

#include "sha256.h"

#define IMAGE_REPORT_FPORT 10u

void application_init(const uint8_t digest[SHA256_BYTES]);

/* An uplink is due: sends the image report. */
void application_uplink(void);

#endif
