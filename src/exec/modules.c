/* modules.c - The modules of the chain: one line each. */
#include "exec/module.h"

#include "base/must.h"
#include "exec/modules/system/system.h"

static const struct module *const modules[] = {
    &module_system,
    &module_governance,
};

const struct module_procedure *module_find(struct span name)
{
    for (size_t m = 0; m < sizeof modules / sizeof modules[0]; m++) {
        const struct module *module = modules[m];
        for (uint32_t i = 0; i < module->procedure_count; i++) {
            const struct module_procedure *procedure = &module->procedures[i];
            must(procedure->argument_count <= MODULE_ARGUMENTS_MAX);
            if (span_equal(span_text(procedure->name), name)) return procedure;
        }
    }
    return NULL;
}
