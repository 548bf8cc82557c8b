/* Section 5's update of one tensor in one pass over memory:

   v <- momentum v - decay rate w - rate g;    w <- w + v

   with the roundings of torch's operations done one after the other, so that both give equal numbers. */

#include <math.h>

void update(float *restrict w, float *restrict v, const float *restrict g, long count, float momentum, float decay_rate,
            float rate, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long i = 0; i < count; i++) {
        float velocity = fmaf(-rate, g[i], fmaf(-decay_rate, w[i], momentum * v[i]));
        v[i] = velocity;
        w[i] += velocity;
    }
}
