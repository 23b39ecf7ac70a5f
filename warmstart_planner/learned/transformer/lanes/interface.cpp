/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The C interface: a workspace for each caller, of one set of weights.
 */
#include <cstdlib>
#include <initializer_list>

#include "estimates.hpp"

namespace learned {

struct Workspace {
    Transformer transformer;
    Estimates estimates;

    void lay_out(Arena &a) {
        transformer.lay_out(a);
        estimates.lay_out(a, transformer.size, transformer.groups);
    }
};

}  // namespace learned

extern "C" {

/* Null where there is no memory, or another number of weights. These, aligned to 64 bytes, have to stay where they are. */
void *transformer_create(const sizes_t *sizes, const float *packed, size_t count) {
    learned::Arena counted{nullptr, 0};
    learned::Workspace w{};
    w.transformer.size = *sizes;
    if (w.transformer.weights.read(packed, *sizes) != count) return nullptr;
    w.lay_out(counted);
    const size_t own = (sizeof w + 63) / 64 * 64;
    char *const memory = static_cast<char *>(std::aligned_alloc(64, own + counted.used));
    if (!memory) return nullptr;
    std::memset(memory, 0, own + counted.used);
    learned::Arena arena{memory + own, 0};
    w.lay_out(arena);
    std::memcpy(memory, &w, sizeof w);
    return memory;
}

void transformer_destroy(void *workspace) { std::free(workspace); }

void transformer_run(void *workspace, const inputs_t *in, const outputs_t *out) {
    learned::Workspace &w = *static_cast<learned::Workspace *>(workspace);
    const learned::Problem problem(*in);
    w.transformer.encode(problem);
    out->unfamiliarity[0] = w.estimates.unfamiliarity(w.transformer, problem);
    w.transformer.ask(problem);
    w.transformer.want(*in);
    w.transformer.drive(problem);
    w.estimates.expect(w.transformer, problem, *out);
    w.transformer.hand_over(problem, *out);
}
}
