#include "node/desks.h"

#include "base/must.h"
#include "sql/system.h"

static enum status set_up(struct desk_place *p, const struct readers_config *config)
{
    TRY(desk_open(&p->desk, config->mem, config->exec));
    sqlite3 *connection = desk_connection(p->desk);
    p->tables = *config->tables;
    p->tables.height = &p->height;
    p->tables.reader = &p->functions;
    TRY(chain_tables_register(connection, &p->tables));
    TRY(sql_system_register(connection, desk_context(p->desk), config->mem));
    p->functions = (struct node_functions){
        .source = &p->tables, .connection = connection, .sql = desk_context(p->desk)};
    return node_functions_register(connection, &p->functions);
}

static void free_place(struct mem *mem, struct desk_place *p)
{
    desk_close(p->desk);
    mem_free(mem, p);
}

enum status desks_take(struct desks *desks, struct desk_place **out)
{
    const struct readers_config *config = readers_config_of(desks->readers);
    struct desk_place *p = desks->free;
    if (p != NULL) {
        desks->free = p->next;
        *out = p;
        return ST_OK;
    }
    if (desks->count == DESKS_MAX) return ST_BUSY;
    p = mem_alloc_zero(config->mem, 1, sizeof *p);
    if (p == NULL) return ST_NO_MEMORY;
    enum status st = set_up(p, config);
    if (st != ST_OK) {
        free_place(config->mem, p);
        return st;
    }
    desks->count++;
    *out = p;
    return ST_OK;
}

static void keep(struct desks *desks, struct desk_place *p)
{
    must(desks->count > 0);
    p->next = desks->free;
    desks->free = p;
}

void desks_give(struct desks *desks, struct desk_place *place)
{
    place->task = (struct desk_task){.place = place, .step = DESK_END};
    place->end = (struct read_job){.task = &place->task};
    if (readers_submit(desks->readers, &place->end) == ST_OK) {
        desks->ending++;
        return;
    }
    desk_end(place->desk);
    keep(desks, place);
}

bool desks_is_end(const struct read_chunk *chunk)
{
    const struct desk_task *task = chunk->job->task;
    return task != NULL && task->step == DESK_END;
}

void desks_ended(struct desks *desks, struct read_chunk *chunk)
{
    struct desk_place *place = chunk->job->task->place;
    must(chunk->is_last);
    must(desks->ending > 0);
    readers_release(desks->readers, chunk);
    desks->ending--;
    keep(desks, place);
}

void desks_fini(struct desks *desks)
{
    must(desks->ending == 0);
    while (desks->free != NULL) {
        struct desk_place *p = desks->free;
        desks->free = p->next;
        desks->count--;
        free_place(desks->mem, p);
    }
    must(desks->count == 0);
}

void desks_note(struct desk_task *task)
{
    struct desk *desk = task->place->desk;
    task->is_lost = desk_is_lost(desk);
    if (task->step == DESK_END || task->is_lost || !desk_is_open(desk)) return;
    task->catalog = desk_catalog(desk);
    task->height = desk_height(desk);
    task->place->height = task->height;
}
