/* procedure.c - CALL trustsql.NAME(…): find the procedure, convert its arguments, run it. */
#include "exec/exec_int.h"

#include "base/must.h"

static enum status take_argument(struct job *j,
                                 const struct tx_op *op,
                                 const struct sql_argument *in,
                                 enum sql_type type,
                                 struct sql_value *out);
static enum status wrong_arguments(struct job *j, const struct module_procedure *p);

enum status procedure_run(struct job *j, const struct tx_op *op, const struct sql_statement *s)
{
    const struct module_procedure *p = module_find(s->name);
    if (p == NULL) {
        diag_set(&j->diag, "42883", "procedure trustsql.%.*s does not exist", (int)s->name.size,
                 (const char *)s->name.data);
        return ST_REJECTED;
    }
    if (s->argument_count < p->argument_count_min || s->argument_count > p->argument_count)
        return wrong_arguments(j, p);
    struct sql_value values[MODULE_ARGUMENTS_MAX];
    for (uint32_t i = 0; i < s->argument_count; i++) {
        enum status st = take_argument(j, op, &s->arguments[i], p->types[i], &values[i]);
        if (st == ST_NOT_FOUND) return wrong_arguments(j, p);
        TRY(st);
    }
    struct exec *e = j->exec;
    struct module_call call = {.writer = e->writer,
                               .accounts = e->accounts,
                               .signer = e->signer,
                               .caller = &j->account,
                               .height = j->block->header->height,
                               .time_ms = j->block->header->time_ms,
                               .arguments = values,
                               .argument_count = s->argument_count,
                               .diag = &j->diag};
    return p->run(&call);
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
    bool is_literal = out->type == SQL_UNKNOWN || (out->type == SQL_TEXT && !in->is_param);
    if (!is_literal) return ST_NOT_FOUND;
    struct span text = out->bytes;
    enum status st = sql_value_parse(out, &j->exec->arena, type, -1, text, &j->diag);
    return st == ST_OK || st == ST_NO_MEMORY ? st : ST_REJECTED;
}

static enum status wrong_arguments(struct job *j, const struct module_procedure *p)
{
    diag_set(&j->diag, "42883", "procedure trustsql.%s takes other arguments", p->name);
    diag_hint(&j->diag, "It takes %u to %u arguments.", p->argument_count_min, p->argument_count);
    return ST_REJECTED;
}
