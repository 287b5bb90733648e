/* procedure.c - CALL trustsql.NAME(…): find the procedure, convert its arguments, run it. */
#include "exec/exec_int.h"

#include "base/must.h"

struct arguments { /* Of one call, in the procedure's order. */
    const struct sql_statement *statement;
    const struct module_procedure *procedure;
    const struct sql_argument *places[MODULE_ARGUMENTS_MAX]; /* Null: not given. */
    struct sql_value values[MODULE_ARGUMENTS_MAX];
    uint32_t count; /* Up to the last one given. */
};

static enum status take_argument(struct job *j,
                                 const struct tx_op *op,
                                 const struct sql_argument *in,
                                 enum sql_type type,
                                 struct sql_value *out);
static enum status wrong_arguments(struct job *j, const struct module_procedure *p);
static enum status place_arguments(struct job *j, struct arguments *a);
static enum status take_arguments(struct job *j, const struct tx_op *op, struct arguments *a);

enum status procedure_run(struct job *j, const struct tx_op *op, const struct sql_statement *s)
{
    const struct module_procedure *p = module_find(s->name);
    const uint32_t version = j->exec->epoch->config.exec_version;
    if (p == NULL || p->since > version) {
        diag_set(&j->diag, "42883", "procedure trustsql.%.*s does not exist", (int)s->name.size,
                 (const char *)s->name.data);
        return ST_REJECTED;
    }
    must(p->argument_count <= MODULE_ARGUMENTS_MAX);
    struct arguments a = {.statement = s, .procedure = p};
    TRY(place_arguments(j, &a));
    TRY(take_arguments(j, op, &a));
    struct exec *e = j->exec;
    struct module_call call = {.writer = e->writer,
                               .accounts = e->accounts,
                               .signer = e->signer,
                               .caller = &j->account,
                               .config = &e->epoch->config,
                               .arena = &e->arena,
                               .height = j->block->header->height,
                               .time_ms = j->block->header->time_ms,
                               .arguments = a.values,
                               .argument_count = a.count,
                               .diag = &j->diag};
    if (p->touches_epoch) e->is_epoch_touched = true;
    enum status st = p->run(&call);
    if (st == ST_OK) memcpy(j->notice, call.notice, sizeof j->notice);
    if (st == ST_OK && call.wants_checkpoint) j->wants_checkpoint = true;
    if (st == ST_OK && call.guarded_table != 0) /* By the rule that there was. */
        st = approval_check(j, call.guarded_table,
                            sql_catalog_property(e->catalog, call.guarded_table, 0, "signatures"));
    if (st == ST_OK && call.changes_catalog) st = schema_reload(e);
    return st == ST_OK && call.approves ? approval_run(j, &call.approved) : st;
}

/* Position of the parameter of this name; the count of parameters: there is none. */
static uint32_t position_of(const struct module_procedure *p, struct span name)
{
    uint32_t i = 0;
    while (i < p->argument_count && !span_equal(span_text(p->argument_names[i]), name))
        i++;
    return i;
}

/* Names find their places; none is taken twice, and none that must be given is left out. */
static enum status place_arguments(struct job *j, struct arguments *a)
{
    const struct module_procedure *p = a->procedure;
    for (uint32_t i = 0; i < a->statement->argument_count; i++) {
        const struct sql_argument *argument = &a->statement->arguments[i];
        uint32_t place = argument->name.size > 0 ? position_of(p, argument->name) : i;
        if (place >= p->argument_count || a->places[place] != NULL) return wrong_arguments(j, p);
        a->places[place] = argument;
        if (place >= a->count) a->count = place + 1;
    }
    for (uint32_t i = 0; i < p->argument_count_min; i++)
        if (a->places[i] == NULL) return wrong_arguments(j, p);
    return ST_OK;
}

/* What is left out between others is null. */
static enum status take_arguments(struct job *j, const struct tx_op *op, struct arguments *a)
{
    const struct module_procedure *p = a->procedure;
    for (uint32_t i = 0; i < a->count; i++) {
        a->values[i] = (struct sql_value){.type = p->types[i], .is_null = true};
        if (a->places[i] == NULL) continue;
        enum status st = take_argument(j, op, a->places[i], p->types[i], &a->values[i]);
        if (st == ST_NOT_FOUND) return wrong_arguments(j, p);
        TRY(st);
    }
    return ST_OK;
}

/* ST_NOT_FOUND: it has another type. */
static enum status take_argument(struct job *j,
                                 const struct tx_op *op,
                                 const struct sql_argument *in,
                                 enum sql_type type,
                                 struct sql_value *out)
{
    *out = in->value;
    if (in->is_param) {
        must(in->param >= 1);
        must(in->param <= op->param_count);
        const struct tx_param *param = &op->params[in->param - 1];
        enum status st = sql_value_from_cbor(out, (enum sql_type)param->type, param->value);
        if (st == ST_NO_MEMORY) return st;
        if (st != ST_OK) {
            diag_set(&j->diag, "22P03", "parameter $%u is no value of its type", in->param);
            return ST_REJECTED;
        }
    }
    if (out->is_null || out->type == type) {
        out->type = type;
        return ST_OK;
    }
    const bool is_int = out->type == SQL_INT2 || out->type == SQL_INT4 || out->type == SQL_INT8;
    if (is_int && type == SQL_INT8) { /* As PostgreSQL widens it. */
        out->type = type;
        return ST_OK;
    }
    bool is_literal = out->type == SQL_UNKNOWN || (out->type == SQL_TEXT && !in->is_param);
    if (!is_literal) return ST_NOT_FOUND;
    struct span text = out->bytes;
    enum status st = sql_value_parse(out, &j->exec->arena, type, -1, text, &j->diag);
    return st == ST_OK || st == ST_NO_MEMORY ? st : ST_REJECTED;
}

static enum status wrong_arguments(struct job *j, const struct module_procedure *p)
{
    diag_set(&j->diag, "42883", "procedure trustsql.%s takes other arguments", p->name);
    char names[DIAG_TEXT_MAX];
    struct buf out;
    buf_init_fixed(&out, names, sizeof names - 1);
    for (uint32_t i = 0; i < p->argument_count; i++)
        buf_printf(&out, "%s%s%s", i == 0 ? "" : ", ", p->argument_names[i],
                   i < p->argument_count_min ? "" : " (optional)");
    must(buf_status(&out) == ST_OK);
    names[out.size] = 0;
    diag_hint(&j->diag, "It takes: %s.", p->argument_count == 0 ? "none" : names);
    return ST_REJECTED;
}
