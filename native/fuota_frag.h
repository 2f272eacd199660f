/* fuota_frag: decoder of LoRaWAN fragmented data blocks (TS004 version 1 and 2) for microcontrollers.
 *
 * THE CONTRACT
 *
 * You provide memory, and a storage behind two functions. The decoder allocates no memory, has no state outside fuota_frag_t, the workspace
 * and the storage, calls only your two functions, and does not recurse. Decoders are independent of each other. Use a decoder in one
 * thread at a time.
 *
 *   1. Fill the first part of a fuota_frag_t (its fields are explained there) and erase the storage: every byte reads 0xFF.
 *   2. Call fuota_frag_init. After a reset, call fuota_frag_resume with the same fields instead.
 *   3. Call fuota_frag_feed for every fragment that arrives, in any order, repeated fragments included.
 *   4. Once fuota_frag_missing returns 0: call fuota_frag_step repeatedly, whenever there is time, until it returns 0.
 *   5. The block is in the storage, from offset 0. Version 1 of TS004 has no integrity check of it: compare a hash before you boot it.
 *
 * Results: 0 if the block is complete; 1 if more is needed, fragments or (if missing is 0) steps; less than 0 for an error:
 *   FUOTA_FRAG_REFUSED   the arguments cannot belong to this session (N = 0, N > 16383, another FragIndex, another length), or the
 *                        fields of fuota_frag_t are not valid. Nothing has changed; continue with the next fragment.
 *   FUOTA_FRAG_TOO_MANY  more fragments were lost than the workspace or the scratch rows can hold. The error remains until the next init.
 *   FUOTA_FRAG_STORAGE   your read or write function did not return 0. The error remains until the next init or resume.
 *
 * Order: any. A coded fragment that arrives while more than `capacity` uncoded fragments are unknown is kept in the scratch rows and used
 * later. Decoding is exact: it is complete as soon as the received fragments determine the block, without a further fragment.
 *
 * Reset: the storage is the state, so that nothing needs to be saved. Writes must reach the storage in the order in which they are made,
 * and its bits may only change from 1 to 0; a write that is cut off may leave any of its bits unwritten. Then power may fail at any time:
 * resume finds every fragment that feed had returned from, and a result of 0 is never wrong. No row is written twice, except a row whose
 * write was interrupted by a power cut; it is completed with the same bytes (if the flash refuses that, let `write` leave out the granules
 * that already hold their bytes). Work that a step had done but not yet written is done again: solving makes progress if there are
 * losses + nb_frag / 32 + 10 steps between two resets.
 *
 * Work per call. feed: one row of the parity matrix (about M/2 draws, 3/4 M in version 2), and one row written. If coded fragments had to
 * be kept in the scratch rows, one later call processes all of them, and so does resume. step: reads at most max(32, losses) rows, writes
 * at most one, draws at most one row of the matrix; without spare workspace it also reads the marks of the block, once per lost fragment.
 *
 * Memory: FUOTA_FRAG_WORKSPACE bytes of workspace are enough for `capacity` losses. The part that the actual losses do not need, and any
 * further bytes, reduce the number of rows that are read in step 4.
 *
 * The storage, as offsets that your functions may map to any addresses (G = granularity):
 *   rows of FUOTA_FRAG_ROW(frag_size, G) bytes: nb_frag rows of the block, then `scratch` rows, then `capacity` rows
 *   marks of FUOTA_FRAG_MARK(G) bytes, one for each of these rows, in the same order
 * Reads and writes begin at the start of a row or mark and never cross its end. The block has no gaps if frag_size is a multiple of G;
 * choose it accordingly. Writes are multiples of G at multiples of G.
 */
#ifndef FUOTA_FRAG_H
#define FUOTA_FRAG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FUOTA_FRAG_DONE 0
#define FUOTA_FRAG_MORE 1
#define FUOTA_FRAG_REFUSED (-1)
#define FUOTA_FRAG_TOO_MANY (-2)
#define FUOTA_FRAG_STORAGE (-3)
#define FUOTA_FRAG_MISMATCH (-4) /* fuota_frag_check_mic */

#define FUOTA_FRAG_V1 1         /* TS004-1.0.0 */
#define FUOTA_FRAG_V2 2         /* TS004-2.0.0 as all device stacks and servers on the market implement it: seeds are N - M */
#define FUOTA_FRAG_V2_LITERAL 3 /* TS004-2.0.0 as its text describes it: seeds are N */

/* Sizes in bytes. M nb_frag, L capacity, S frag_size, G granularity, P scratch. */
#define FUOTA_FRAG_ROW(S, G) (((S) + (G)-1u) / (G) * (G))
#define FUOTA_FRAG_MARK(G) ((G) < 4u ? 4u : (G))
#define FUOTA_FRAG_STORAGE_BYTES(M, L, S, G, P) (((M) + (L) + (P)) * (FUOTA_FRAG_ROW(S, G) + FUOTA_FRAG_MARK(G)))
#define FUOTA_FRAG_WORDS_(BITS) (((BITS) + 31u) / 32u)
#define FUOTA_FRAG_MOST_(A, B) ((A) > (B) ? (A) : (B))
#define FUOTA_FRAG_ROW_WORDS_(S, G) FUOTA_FRAG_WORDS_(8u * FUOTA_FRAG_ROW(S, G))
#define FUOTA_FRAG_WORK_(M, S, G) FUOTA_FRAG_MOST_(FUOTA_FRAG_WORDS_(M), 2u * FUOTA_FRAG_ROW_WORDS_(S, G))
#define FUOTA_FRAG_WORKSPACE(M, L, S, G) \
    (4u * (FUOTA_FRAG_WORDS_(M) + FUOTA_FRAG_WORDS_(L) + FUOTA_FRAG_WORDS_((L) * ((L) + 1u) / 2u) + FUOTA_FRAG_WORK_(M, S, G)))

typedef struct {
    /* Set by you; must not change from init or resume on. */
    int (*read)(void *context, uint32_t offset, void *data, uint32_t length);        /* returns 0 on success */
    int (*write)(void *context, uint32_t offset, const void *data, uint32_t length); /* returns 0 once the data is durable */
    void *context;           /* passed to both functions */
    uint32_t *workspace;     /* FUOTA_FRAG_WORKSPACE bytes or more; need not be cleared */
    uint32_t workspace_words; /* number of words of four bytes in the workspace */
    uint16_t nb_frag;        /* M, 1 to 16383 */
    uint16_t capacity;       /* number of uncoded fragments that may be lost, 1 to nb_frag */
    uint16_t scratch;        /* rows for coded fragments: `capacity`, one for each expected reset, and more if coded fragments come early */
    uint8_t frag_size;       /* bytes of a fragment, 1 to 255 */
    uint8_t granularity;     /* bytes that the storage writes at once: 1, 2, 4, 8, 16 or 32 */
    uint8_t version;         /* FUOTA_FRAG_V1, _V2 or _V2_LITERAL */
    uint8_t frag_index;      /* FragIndex of the session, 0 to 3 */
    /* Used by the decoder. */
    uint8_t lanes, phase;
    uint16_t unknown, stored, taken, rank, lowest, progress, position, row_octets, row_words, mask_words;
} fuota_frag_t;

/* Begins a session with an erased storage. */
int fuota_frag_init(fuota_frag_t *f);

/* Continues the session in the storage after a reset. */
int fuota_frag_resume(fuota_frag_t *f);

/* Processes a fragment. `index_and_n`: the field Index&N of DataFragment as received (FragIndex in bits 15:14, N in bits 13:0).
 * `payload`: the `length` bytes after this field; the length must be frag_size. After completion all fragments are dropped. */
int fuota_frag_feed(fuota_frag_t *f, uint32_t index_and_n, const void *payload, uint32_t length);

/* Does a bounded part of the work that remains once enough fragments were received. Before that it does nothing. */
int fuota_frag_step(fuota_frag_t *f);

/* Returns how many further fragments are needed at least. While more than `capacity` are unknown, coded fragments do not count. */
uint32_t fuota_frag_missing(const fuota_frag_t *f);

/* --- checks of the block; compiled only if FUOTA_FRAG_CHECKS is defined
 *
 * Each call processes one fragment, so that no call stalls the radio. Set the fields of the first part, with `row` 0, and call until the
 * result is 0. Before the block is complete, the functions return what fuota_frag_step returns. `padding`: bytes at the end that are not part of the
 * block. */

typedef struct {
    uint8_t padding;
    uint16_t row;
    uint32_t crc; /* 0 at the beginning; at the end the CRC-32 of IEEE 802.3 and zip */
} fuota_frag_crc32_t;

int fuota_frag_crc32(fuota_frag_t *f, fuota_frag_crc32_t *c);

typedef struct {
    uint8_t padding;
    uint16_t row;
    uint8_t digest[32];
    /* Used by the decoder. */
    uint32_t length, state[8], piece[16];
} fuota_frag_sha256_t;

int fuota_frag_sha256(fuota_frag_t *f, fuota_frag_sha256_t *s);

/* Checks the MIC of FragSessionSetupReq in version 2: AES-CMAC with the DataBlockIntKey, computed by your functions. The result at the
 * end is 0 or FUOTA_FRAG_MISMATCH. */
typedef struct {
    void (*update)(void *context, const void *data, uint32_t length); /* adds these bytes to the CMAC */
    void (*finish)(void *context, uint8_t mac[16]);
    void *context;
    uint8_t padding;
    uint16_t row;
    uint16_t session_cnt;
    uint8_t descriptor[4], mic[4]; /* bytes in the order of transmission */
} fuota_frag_mic_t;

int fuota_frag_check_mic(fuota_frag_t *f, fuota_frag_mic_t *m);

#ifdef __cplusplus
}
#endif
#endif
