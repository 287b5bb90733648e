/* system_types.c - What pg_type and pg_index say of the types that exist here: numbers and names of
 * PostgreSQL 15, as its catalogs give them. */
#include "base/must.h"
#include "sql/system_int.h"

/* oid, alignment, storage, and its functions: input, output, receive, send, modifiers in and out. */
static const struct system_io types[] = {
    {16, 'c', 'p', {1242, 1243, 2436, 2437, 0, 0}, {"boolin", "boolout", "boolrecv", "boolsend", "-", "-"}},
    {17, 'i', 'x', {1244, 31, 2412, 2413, 0, 0}, {"byteain", "byteaout", "bytearecv", "byteasend", "-", "-"}},
    {18, 'c', 'p', {1245, 33, 2434, 2435, 0, 0}, {"charin", "charout", "charrecv", "charsend", "-", "-"}},
    {19, 'c', 'p', {34, 35, 2422, 2423, 0, 0}, {"namein", "nameout", "namerecv", "namesend", "-", "-"}},
    {20, 'd', 'p', {460, 461, 2408, 2409, 0, 0}, {"int8in", "int8out", "int8recv", "int8send", "-", "-"}},
    {21, 's', 'p', {38, 39, 2404, 2405, 0, 0}, {"int2in", "int2out", "int2recv", "int2send", "-", "-"}},
    {22, 'i', 'p', {40, 41, 2410, 2411, 0, 0}, {"int2vectorin", "int2vectorout", "int2vectorrecv", "int2vectorsend", "-", "-"}},
    {23, 'i', 'p', {42, 43, 2406, 2407, 0, 0}, {"int4in", "int4out", "int4recv", "int4send", "-", "-"}},
    {24, 'i', 'p', {44, 45, 2444, 2445, 0, 0}, {"regprocin", "regprocout", "regprocrecv", "regprocsend", "-", "-"}},
    {25, 'i', 'x', {46, 47, 2414, 2415, 0, 0}, {"textin", "textout", "textrecv", "textsend", "-", "-"}},
    {26, 'i', 'p', {1798, 1799, 2418, 2419, 0, 0}, {"oidin", "oidout", "oidrecv", "oidsend", "-", "-"}},
    {28, 'i', 'p', {50, 51, 2440, 2441, 0, 0}, {"xidin", "xidout", "xidrecv", "xidsend", "-", "-"}},
    {30, 'i', 'p', {54, 55, 2420, 2421, 0, 0}, {"oidvectorin", "oidvectorout", "oidvectorrecv", "oidvectorsend", "-", "-"}},
    {114, 'i', 'x', {321, 322, 323, 324, 0, 0}, {"json_in", "json_out", "json_recv", "json_send", "-", "-"}},
    {194, 'i', 'x', {195, 196, 197, 198, 0, 0}, {"pg_node_tree_in", "pg_node_tree_out", "pg_node_tree_recv", "pg_node_tree_send", "-", "-"}},
    {700, 'i', 'p', {200, 201, 2424, 2425, 0, 0}, {"float4in", "float4out", "float4recv", "float4send", "-", "-"}},
    {701, 'd', 'p', {214, 215, 2426, 2427, 0, 0}, {"float8in", "float8out", "float8recv", "float8send", "-", "-"}},
    {705, 'c', 'p', {109, 110, 2416, 2417, 0, 0}, {"unknownin", "unknownout", "unknownrecv", "unknownsend", "-", "-"}},
    {1000, 'i', 'x', {750, 751, 2400, 2401, 0, 0}, {"array_in", "array_out", "array_recv", "array_send", "-", "-"}},
    {1033, 'i', 'p', {1031, 1032, 0, 0, 0, 0}, {"aclitemin", "aclitemout", "-", "-", "-", "-"}},
    {1042, 'i', 'x', {1044, 1045, 2430, 2431, 2913, 2914}, {"bpcharin", "bpcharout", "bpcharrecv", "bpcharsend", "bpchartypmodin", "bpchartypmodout"}},
    {1043, 'i', 'x', {1046, 1047, 2432, 2433, 2915, 2916}, {"varcharin", "varcharout", "varcharrecv", "varcharsend", "varchartypmodin", "varchartypmodout"}},
    {1082, 'i', 'p', {1084, 1085, 2468, 2469, 0, 0}, {"date_in", "date_out", "date_recv", "date_send", "-", "-"}},
    {1083, 'd', 'p', {1143, 1144, 2470, 2471, 2909, 2910}, {"time_in", "time_out", "time_recv", "time_send", "timetypmodin", "timetypmodout"}},
    {1114, 'd', 'p', {1312, 1313, 2474, 2475, 2905, 2906}, {"timestamp_in", "timestamp_out", "timestamp_recv", "timestamp_send", "timestamptypmodin", "timestamptypmodout"}},
    {1184, 'd', 'p', {1150, 1151, 2476, 2477, 2907, 2908}, {"timestamptz_in", "timestamptz_out", "timestamptz_recv", "timestamptz_send", "timestamptztypmodin", "timestamptztypmodout"}},
    {1186, 'd', 'p', {1160, 1161, 2478, 2479, 2903, 2904}, {"interval_in", "interval_out", "interval_recv", "interval_send", "intervaltypmodin", "intervaltypmodout"}},
    {1700, 'i', 'm', {1701, 1702, 2460, 2461, 2917, 2918}, {"numeric_in", "numeric_out", "numeric_recv", "numeric_send", "numerictypmodin", "numerictypmodout"}},
    {2205, 'i', 'p', {2218, 2219, 2452, 2453, 0, 0}, {"regclassin", "regclassout", "regclassrecv", "regclasssend", "-", "-"}},
    {2206, 'i', 'p', {2220, 2221, 2454, 2455, 0, 0}, {"regtypein", "regtypeout", "regtyperecv", "regtypesend", "-", "-"}},
    {2277, 'd', 'x', {2296, 2297, 2502, 2503, 0, 0}, {"anyarray_in", "anyarray_out", "anyarray_recv", "anyarray_send", "-", "-"}},
    {2278, 'i', 'p', {2298, 2299, 3120, 3121, 0, 0}, {"void_in", "void_out", "void_recv", "void_send", "-", "-"}},
    {2283, 'i', 'p', {2312, 2313, 0, 0, 0, 0}, {"anyelement_in", "anyelement_out", "-", "-", "-", "-"}},
    {2950, 'c', 'p', {2952, 2953, 2961, 2962, 0, 0}, {"uuid_in", "uuid_out", "uuid_recv", "uuid_send", "-", "-"}},
    {3802, 'i', 'x', {3806, 3804, 3805, 3803, 0, 0}, {"jsonb_in", "jsonb_out", "jsonb_recv", "jsonb_send", "-", "-"}},
    {4089, 'i', 'p', {4084, 4085, 4087, 4088, 0, 0}, {"regnamespacein", "regnamespaceout", "regnamespacerecv", "regnamespacesend", "-", "-"}},
    {4096, 'i', 'p', {4098, 4092, 4094, 4095, 0, 0}, {"regrolein", "regroleout", "regrolerecv", "regrolesend", "-", "-"}},
    {1014, 'i', 'x', {750, 751, 2400, 2401, 2913, 2914}, {"array_in", "array_out", "array_recv", "array_send", "bpchartypmodin", "bpchartypmodout"}},
    {1015, 'i', 'x', {750, 751, 2400, 2401, 2915, 2916}, {"array_in", "array_out", "array_recv", "array_send", "varchartypmodin", "varchartypmodout"}},
    {1016, 'd', 'x', {750, 751, 2400, 2401, 0, 0}, {"array_in", "array_out", "array_recv", "array_send", "-", "-"}},
    {1022, 'd', 'x', {750, 751, 2400, 2401, 0, 0}, {"array_in", "array_out", "array_recv", "array_send", "-", "-"}},
    {1115, 'd', 'x', {750, 751, 2400, 2401, 2905, 2906}, {"array_in", "array_out", "array_recv", "array_send", "timestamptypmodin", "timestamptypmodout"}},
    {1183, 'd', 'x', {750, 751, 2400, 2401, 2909, 2910}, {"array_in", "array_out", "array_recv", "array_send", "timetypmodin", "timetypmodout"}},
    {1185, 'd', 'x', {750, 751, 2400, 2401, 2907, 2908}, {"array_in", "array_out", "array_recv", "array_send", "timestamptztypmodin", "timestamptztypmodout"}},
    {1187, 'd', 'x', {750, 751, 2400, 2401, 2903, 2904}, {"array_in", "array_out", "array_recv", "array_send", "intervaltypmodin", "intervaltypmodout"}},
    {1231, 'i', 'x', {750, 751, 2400, 2401, 2917, 2918}, {"array_in", "array_out", "array_recv", "array_send", "numerictypmodin", "numerictypmodout"}},
};

/* Of a type its operator class of btree. */
static const struct {
    uint32_t type;
    uint32_t class;
} classes[] = {
    {16, 10003},
    {17, 10006},
    {18, 10007},
    {19, 10028},
    {20, 3124},
    {21, 1979},
    {23, 1978},
    {25, 3126},
    {26, 1981},
    {700, 10012},
    {701, 3123},
    {1042, 10004},
    {1082, 3122},
    {1083, 10038},
    {1114, 3128},
    {1184, 3127},
    {1186, 10022},
    {1700, 3125},
    {2277, 10000},
    {2950, 10065},
    {3802, 10088},
};

#define ARRAYS 1000u /* What is not listed is an array, and has the functions of boolean[]. */

const struct system_io *system_io(uint32_t oid)
{
    const struct system_io *arrays = NULL;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].oid == oid) return &types[i];
        if (types[i].oid == ARRAYS) arrays = &types[i];
    }
    must(arrays != NULL);
    return arrays;
}

uint32_t system_class_of_type(uint32_t oid)
{
    uint32_t found = 0;
    if (oid == SYSTEM_VARCHAR) oid = SQL_TEXT;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (classes[i].type == oid) return classes[i].class;
        if (classes[i].type == SQL_ANYARRAY) found = classes[i].class;
    }
    return found;
}

uint32_t system_function_oid(struct span name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (size_t k = 0; k < SYSTEM_IO_FUNCTIONS; k++)
            if (span_equal(name, span_text(types[i].names[k]))) return types[i].oids[k];
    return 0;
}

const char *system_function_name(uint32_t oid)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (size_t k = 0; k < SYSTEM_IO_FUNCTIONS; k++)
            if (oid == types[i].oids[k]) return types[i].names[k];
    return "-";
}
