// Products of matrices, a panel of 16 columns at a time, and memory for their factors.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tiles.h"

namespace {

constexpr int VECTORS = PANEL / LANES;
// How many rows of a product are summed in registers at a time.
constexpr int ROWS = 12 / VECTORS, GRADIENT_ROWS = 8 / VECTORS;
// Floats of a block of tiles at the points: 1 MiB, which should stay near the cores.
constexpr long BLOCK = 1 << 18;
// Fewer rows are not worth it to read and write the sums of a gradient.
constexpr int GRADIENT_BLOCK = 60;

// sums (ROWS, 16) = a (ROWS, panels, 16) b (panels, 16, 16); panels of a are `step` apart.
void product(const float *a, long step, int panels, const float *b, float *sums) {
    Vector sum[ROWS][VECTORS] = {};
    for (int p = 0; p < panels; ++p, a += step)
        for (int k = 0; k < PANEL; ++k, b += PANEL) {
            Vector right[VECTORS];
            for (int v = 0; v < VECTORS; ++v) right[v] = load(b + v * LANES);
            for (int r = 0; r < ROWS; ++r)
                for (int v = 0; v < VECTORS; ++v) sum[r][v] += a[r * PANEL + k] * right[v];
        }
    for (int r = 0; r < ROWS; ++r)
        for (int v = 0; v < VECTORS; ++v) store(sums + r * PANEL + v * LANES, sum[r][v]);
}

// sums (GRADIENT_ROWS, 16) += the transpose of a (rows, 16) times b (rows, 16).
void product_of_transpose(const float *a, const float *b, int rows, float *sums) {
    Vector sum[GRADIENT_ROWS][VECTORS] = {};
    for (int k = 0; k < rows; ++k, a += PANEL, b += PANEL) {
        Vector right[VECTORS];
        for (int v = 0; v < VECTORS; ++v) right[v] = load(b + v * LANES);
        for (int r = 0; r < GRADIENT_ROWS; ++r)
            for (int v = 0; v < VECTORS; ++v) sum[r][v] += a[r] * right[v];
    }
    for (int r = 0; r < GRADIENT_ROWS; ++r)
        for (int v = 0; v < VECTORS; ++v) {
            float *to = sums + r * PANEL + v * LANES;
            store(to, load(to) + sum[r][v]);
        }
}

// Tiles in a block, not fewer than `least` if there are so many: a multiple of ROWS.
int block_rows(const Convolution &c, int least) {
    const int fit = int(BLOCK / (POINTS * (c.in + c.out))) / ROWS * ROWS;
    const int all = (n_tiles(c) + ROWS - 1) / ROWS * ROWS;
    return std::max(ROWS, std::min(std::max(fit, least), all));
}

// Memory of the calling thread that is kept from call to call, at the start of a cache line.
float *scratch(std::vector<float> &kept, long size) {
    constexpr long line = 16;
    if (long(kept.size()) < size + line) {
        std::vector<float>().swap(kept);  // its values need not be copied
        kept.resize(size + line);
    }
    const auto beyond = reinterpret_cast<std::uintptr_t>(kept.data()) / sizeof(float) % line;
    return kept.data() + (line - beyond) % line;
}

struct Workspace {
    int rows;
    float *kernels, *inputs, *outputs;
    Workspace(const Convolution &c, int least) : rows(block_rows(c, least)) {
        static thread_local std::vector<float> kept[3];
        kernels = scratch(kept[0], long(POINTS) * c.in * c.out);
        inputs = scratch(kept[1], long(POINTS) * c.in * rows);
        outputs = scratch(kept[2], long(POINTS) * c.out * rows);
    }
};

}  // namespace
