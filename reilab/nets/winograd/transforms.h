// Winograd's minimal filtering F(4x4, 3x3): each tile of 4x4 pixels of the result comes from
// products at 36 points, a quarter of the multiplications of the definition. Matrices G, B and A of
// Lavin & Gray 2016, "Fast algorithms for convolutional neural networks".
#pragma once

namespace {

#ifndef LANES  // floats in a register
#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
#endif
constexpr int POINTS = 36;

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef float Unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

Vector load(const float *from) { return *reinterpret_cast<const Unaligned *>(from); }
void store(float *to, Vector values) { *reinterpret_cast<Unaligned *>(to) = values; }

// Transforms along one axis; every vector holds neighbouring channels.

void kernel_to_points(const Vector g[3], Vector u[6]) {
    const Vector near = g[0] + g[2], far = g[0] + 4 * g[2];
    u[0] = g[0] / 4;
    u[1] = (near + g[1]) / -6;
    u[2] = (near - g[1]) / -6;
    u[3] = (far + 2 * g[1]) / 24;
    u[4] = (far - 2 * g[1]) / 24;
    u[5] = g[2];
}

void kernel_from_points(const Vector u[6], Vector g[3]) {
    const Vector near = (u[1] + u[2]) / 6, far = (u[3] + u[4]) / 24;
    g[0] = u[0] / 4 - near + far;
    g[1] = (u[2] - u[1]) / 6 + (u[3] - u[4]) / 12;
    g[2] = 4 * far - near + u[5];
}

void image_to_points(const Vector d[6], Vector v[6]) {
    const Vector a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = 2 * (d[3] - d[1]);
    v[0] = 4 * d[0] - 5 * d[2] + d[4];
    v[1] = a + b;
    v[2] = a - b;
    v[3] = c + e;
    v[4] = c - e;
    v[5] = 4 * d[1] - 5 * d[3] + d[5];
}

void result_to_points(const Vector y[4], Vector m[6]) {
    const Vector a = y[0] + y[2], b = y[1] + y[3], c = y[0] + 4 * y[2], e = 2 * y[1] + 8 * y[3];
    m[0] = y[0];
    m[1] = a + b;
    m[2] = a - b;
    m[3] = c + e;
    m[4] = c - e;
    m[5] = y[3];
}

void result_from_points(const Vector m[6], Vector y[4]) {
    const Vector a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], e = m[3] - m[4];
    y[0] = m[0] + a + c;
    y[1] = b + 2 * e;
    y[2] = a + 4 * c;
    y[3] = b + 8 * e + m[5];
}

// `transform` along both axes of (N, N) values.
template <int N, int M, void transform(const Vector *, Vector *)>
void along_both(const Vector (&from)[N][N], Vector (&to)[M][M]) {
    Vector half[M][N];
    for (int j = 0; j < N; ++j) {
        Vector before[N], after[M];
        for (int i = 0; i < N; ++i) before[i] = from[i][j];
        transform(before, after);
        for (int i = 0; i < M; ++i) half[i][j] = after[i];
    }
    for (int i = 0; i < M; ++i) transform(half[i], to[i]);
}

// `step` is the distance from one point to the next.
void store_points(const Vector (&values)[6][6], float *to, long step) {
    for (int n = 0; n < POINTS; ++n) store(to + n * step, values[n / 6][n % 6]);
}

void load_points(const float *from, long step, Vector (&values)[6][6]) {
    for (int n = 0; n < POINTS; ++n) values[n / 6][n % 6] = load(from + n * step);
}

}  // namespace
