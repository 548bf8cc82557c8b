/* A training picture from its stored square in one pass over memory: cut, mirrored, centred, shifted, laid out.

   out[n,y,x,c] = (((float) images[n,c,top+y,left+x'] - mean[y,x,c]) + shift[n,c]) / shrink / deviation[c]

   with x' = side-1-x where the picture is mirrored. Every operation is rounded as torch rounds it when they are done one
   after the other, so that both give equal numbers. `mirrored`, `shift` and `deviation` may be absent. */

#include <stddef.h>
#include <stdint.h>

static void spread(float *restrict row, const float *restrict three, long side) {
    for (long x = 0; x < side; x++)
        for (int c = 0; c < 3; c++) row[3 * x + c] = three[c];
}

void centred(const uint8_t *restrict images, const int64_t *restrict corners, const uint8_t *restrict mirrored,
             const float *restrict mean, const float *restrict shift, float shrink, const float *restrict deviation,
             float *restrict out, long count, long height, long width, long side, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long n = 0; n < count; n++) {
        uint8_t row[3 * side];
        float shifts[3 * side], deviations[3 * side];
        if (shift) spread(shifts, shift + 3 * n, side);
        if (deviation) spread(deviations, deviation, side);
        const uint8_t *plane = images + n * 3 * height * width + corners[2 * n] * width + corners[2 * n + 1];
        for (long y = 0; y < side; y++) {
            const uint8_t *r = plane + y * width, *g = r + height * width, *b = g + height * width;
            if (mirrored && mirrored[n])
                for (long x = 0; x < side; x++) {
                    row[3 * x] = r[side - 1 - x];
                    row[3 * x + 1] = g[side - 1 - x];
                    row[3 * x + 2] = b[side - 1 - x];
                }
            else
                for (long x = 0; x < side; x++) {
                    row[3 * x] = r[x];
                    row[3 * x + 1] = g[x];
                    row[3 * x + 2] = b[x];
                }
            const float *m = mean + y * side * 3;
            float *o = out + (n * side + y) * side * 3;
            if (shift)
                for (long i = 0; i < 3 * side; i++) o[i] = (((float)row[i] - m[i]) + shifts[i]) / shrink;
            else
                for (long i = 0; i < 3 * side; i++) o[i] = (float)row[i] - m[i];
            if (deviation)
                for (long i = 0; i < 3 * side; i++) o[i] /= deviations[i];
        }
    }
}
