/* Version of this build. FW_VERSION comes from the command line as 0xMMmmpp, so that the preprocessor can compare it. */
#ifndef VERSION_H
#define VERSION_H

#define FW_NUMBER(major, minor, patch) (((major) << 16) | ((minor) << 8) | (patch))

#ifndef FW_VERSION
#error "give the version, for example -DFW_VERSION=0x010000 for 1.0.0"
#endif

#define FW_MAJOR (((FW_VERSION) >> 16) & 0xff)
#define FW_MINOR (((FW_VERSION) >> 8) & 0xff)
#define FW_PATCH ((FW_VERSION) & 0xff)

/* 1.1.0 added the temperature alarm and the statistics that explain it. */
#define FW_HAS_ALARM ((FW_VERSION) >= FW_NUMBER(1, 1, 0))

#define FW_NAME "fuota-sensor"

/* 0x0385: the board of Arm application note AN385; 0001: our first revision of the sensor front end. */
#define FW_HARDWARE_ID 0x03850001u

#endif
