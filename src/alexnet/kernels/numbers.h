/* Numbers of an array as float32: they lie there as float32, or where `half` is set as bfloat16. */

#include <math.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

typedef uint16_t bf16;

INLINE float widen(bf16 value) {
    union { uint32_t bits; float number; } cast = {(uint32_t)value << 16};
    return cast.number;
}

INLINE bf16 narrow(float value) { /* to the nearest, ties to even, as torch does; a NaN stays one */
    union { float number; uint32_t bits; } cast = {value};
    uint32_t rounded = (cast.bits + 0x7fff + ((cast.bits >> 16) & 1)) >> 16;
    return value != value ? 0x7fc0 : (bf16)rounded;
}

INLINE float load(const void *from, long place, int half) {
    return half ? widen(((const bf16 *)from)[place]) : ((const float *)from)[place];
}

INLINE void store(void *to, long place, float value, int half) {
    if (half) ((bf16 *)to)[place] = narrow(value);
    else ((float *)to)[place] = value;
}

/* scale^-3/4 */
INLINE float power(float scale) {
    float root = 1.0f / sqrtf(scale);
    return root * sqrtf(root);
}

INLINE long larger(long a, long b) { return a > b ? a : b; }

INLINE long smaller(long a, long b) { return a < b ? a : b; }
