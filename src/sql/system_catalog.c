/* system_catalog.c - The relations of pg_catalog: names and types of their columns as PostgreSQL 15
 * has them, and where the rows come from. Those with neither a function nor a query have none: what
 * they describe does not exist here. */
#include "sql/system_int.h"

const struct system_relation system_catalog_relations[] = {
    {2600, CATALOG, "pg_aggregate",
     "aggfnoid regproc,aggkind char,aggnumdirectargs int2,aggtransfn regproc,aggfinalfn regproc,"
     "aggcombinefn regproc,aggserialfn regproc,aggdeserialfn regproc,aggmtransfn regproc,"
     "aggminvtransfn regproc,aggmfinalfn regproc,aggfinalextra bool,aggmfinalextra bool,"
     "aggfinalmodify char,aggmfinalmodify char,aggsortop oid,aggtranstype oid,"
     "aggtransspace int4,aggmtranstype oid,aggmtransspace int4,agginitval text,aggminitval text",
     SYSTEM_NOTHING, NULL, NULL},
    {2601, CATALOG, "pg_am", "oid oid,amname name,amhandler regproc,amtype char", SYSTEM_NOTHING,
     NULL, "VALUES (2, 'heap', NULL, 't'), (403, 'btree', NULL, 'i')"},
    {2604, CATALOG, "pg_attrdef", "oid oid,adrelid oid,adnum int2,adbin pg_node_tree",
     SYSTEM_DEFAULTS, fill_attrdef, NULL},
    {1249, CATALOG, "pg_attribute",
     "attrelid oid,attname name,atttypid oid,attstattarget int4,attlen int2,attnum int2,"
     "attndims int4,attcacheoff int4,atttypmod int4,attbyval bool,attalign char,attstorage char,"
     "attcompression char,attnotnull bool,atthasdef bool,atthasmissing bool,attidentity char,"
     "attgenerated char,attisdropped bool,attislocal bool,attinhcount int4,attcollation oid,"
     "attacl _aclitem,attoptions _text,attfdwoptions _text,attmissingval text",
     SYSTEM_COLUMNS, fill_attribute, NULL},
    {1261, CATALOG, "pg_auth_members", "roleid oid,member oid,grantor oid,admin_option bool",
     SYSTEM_NOTHING, NULL, NULL},
    {1260, CATALOG, "pg_authid",
     "oid oid,rolname name,rolsuper bool,rolinherit bool,rolcreaterole bool,rolcreatedb bool,"
     "rolcanlogin bool,rolreplication bool,rolbypassrls bool,rolconnlimit int4,rolpassword text,"
     "rolvaliduntil timestamptz",
     SYSTEM_ROLES, fill_authid, NULL},
    {12085, CATALOG, "pg_available_extension_versions",
     "name name,version text,installed bool,superuser bool,trusted bool,relocatable bool,"
     "schema name,requires _name,comment text",
     SYSTEM_NOTHING, NULL, NULL},
    {12081, CATALOG, "pg_available_extensions",
     "name name,default_version text,installed_version text,comment text", SYSTEM_NOTHING, NULL,
     NULL},
    {2605, CATALOG, "pg_cast",
     "oid oid,castsource oid,casttarget oid,castfunc oid,castcontext char,castmethod char",
     SYSTEM_NOTHING, NULL, NULL},
    {1259, CATALOG, "pg_class",
     "oid oid,relname name,relnamespace oid,reltype oid,reloftype oid,relowner oid,relam oid,"
     "relfilenode oid,reltablespace oid,relpages int4,reltuples float4,relallvisible int4,"
     "reltoastrelid oid,relhasindex bool,relisshared bool,relpersistence char,relkind char,"
     "relnatts int2,relchecks int2,relhasrules bool,relhastriggers bool,relhassubclass bool,"
     "relrowsecurity bool,relforcerowsecurity bool,relispopulated bool,relreplident char,"
     "relispartition bool,relrewrite oid,relfrozenxid xid,relminmxid xid,relacl _aclitem,"
     "reloptions _text,relpartbound pg_node_tree",
     SYSTEM_RELATIONS, fill_class, NULL},
    {3456, CATALOG, "pg_collation",
     "oid oid,collname name,collnamespace oid,collowner oid,collprovider char,"
     "collisdeterministic bool,collencoding int4,collcollate text,collctype text,"
     "colliculocale text,collversion text",
     SYSTEM_NOTHING, NULL,
     "VALUES (100, 'default', 11, 10, 'd', true, -1, NULL, NULL, NULL, NULL), (950, 'C', 11, 10,"
     " 'c', true, -1, 'C', 'C', NULL, NULL)"},
    {2606, CATALOG, "pg_constraint",
     "oid oid,conname name,connamespace oid,contype char,condeferrable bool,condeferred bool,"
     "convalidated bool,conrelid oid,contypid oid,conindid oid,conparentid oid,confrelid oid,"
     "confupdtype char,confdeltype char,confmatchtype char,conislocal bool,coninhcount int4,"
     "connoinherit bool,conkey _int2,confkey _int2,conpfeqop _oid,conppeqop _oid,conffeqop _oid,"
     "confdelsetcols _int2,conexclop _oid,conbin pg_node_tree",
     SYSTEM_CONSTRAINTS, fill_constraint, NULL},
    {2607, CATALOG, "pg_conversion",
     "oid oid,conname name,connamespace oid,conowner oid,conforencoding int4,contoencoding int4,"
     "conproc regproc,condefault bool",
     SYSTEM_NOTHING, NULL, NULL},
    {1262, CATALOG, "pg_database",
     "oid oid,datname name,datdba oid,encoding int4,datlocprovider char,datistemplate bool,"
     "datallowconn bool,datconnlimit int4,datfrozenxid xid,datminmxid xid,dattablespace oid,"
     "datcollate text,datctype text,daticulocale text,datcollversion text,datacl _aclitem",
     SYSTEM_NOTHING, NULL,
     "SELECT 5, current_database(), 10, 6, 'c', false, true, -1, 0, 1, 1663, 'C', 'C', NULL, "
     "NULL, NULL::text[]"},
    {2964, CATALOG, "pg_db_role_setting", "setdatabase oid,setrole oid,setconfig _text",
     SYSTEM_NOTHING, NULL, NULL},
    {826, CATALOG, "pg_default_acl",
     "oid oid,defaclrole oid,defaclnamespace oid,defaclobjtype char,defaclacl _aclitem",
     SYSTEM_NOTHING, NULL, NULL},
    {2608, CATALOG, "pg_depend",
     "classid oid,objid oid,objsubid int4,refclassid oid,refobjid oid,refobjsubid int4,"
     "deptype char",
     SYSTEM_DEPENDENCIES, fill_depend, NULL},
    {2609, CATALOG, "pg_description", "objoid oid,classoid oid,objsubid int4,description text",
     SYSTEM_COMMENTS, fill_description, NULL},
    {3501, CATALOG, "pg_enum", "oid oid,enumtypid oid,enumsortorder float4,enumlabel name",
     SYSTEM_NOTHING, NULL, NULL},
    {3466, CATALOG, "pg_event_trigger",
     "oid oid,evtname name,evtevent name,evtowner oid,evtfoid oid,evtenabled char,evttags _text",
     SYSTEM_NOTHING, NULL, NULL},
    {3079, CATALOG, "pg_extension",
     "oid oid,extname name,extowner oid,extnamespace oid,extrelocatable bool,extversion text,"
     "extconfig _oid,extcondition _text",
     SYSTEM_NOTHING, NULL,
     "VALUES (13002, 'trustsql', 10, 13001, false, '1', NULL::oid[], NULL::text[])"},
    {2328, CATALOG, "pg_foreign_data_wrapper",
     "oid oid,fdwname name,fdwowner oid,fdwhandler oid,fdwvalidator oid,fdwacl _aclitem,"
     "fdwoptions _text",
     SYSTEM_NOTHING, NULL, NULL},
    {1417, CATALOG, "pg_foreign_server",
     "oid oid,srvname name,srvowner oid,srvfdw oid,srvtype text,srvversion text,srvacl _aclitem,"
     "srvoptions _text",
     SYSTEM_NOTHING, NULL, NULL},
    {3118, CATALOG, "pg_foreign_table", "ftrelid oid,ftserver oid,ftoptions _text", SYSTEM_NOTHING,
     NULL, NULL},
    {2610, CATALOG, "pg_index",
     "indexrelid oid,indrelid oid,indnatts int2,indnkeyatts int2,indisunique bool,"
     "indnullsnotdistinct bool,indisprimary bool,indisexclusion bool,indimmediate bool,"
     "indisclustered bool,indisvalid bool,indcheckxmin bool,indisready bool,indislive bool,"
     "indisreplident bool,indkey int2vector,indcollation oidvector,indclass oidvector,"
     "indoption int2vector,indexprs pg_node_tree,indpred pg_node_tree",
     SYSTEM_INDEXES, fill_index, NULL},
    {12043, CATALOG, "pg_indexes",
     "schemaname name,tablename name,indexname name,tablespace name,indexdef text", SYSTEM_NOTHING,
     NULL,
     "SELECT n.nspname, c.relname, i.relname, NULL, pg_get_indexdef(i.oid) FROM pg_index x JOIN "
     "pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN "
     "pg_namespace n ON n.oid = c.relnamespace"},
    {2611, CATALOG, "pg_inherits", "inhrelid oid,inhparent oid,inhseqno int4,inhdetachpending bool",
     SYSTEM_NOTHING, NULL, NULL},
    {3394, CATALOG, "pg_init_privs",
     "objoid oid,classoid oid,objsubid int4,privtype char,initprivs _aclitem", SYSTEM_NOTHING, NULL,
     NULL},
    {2612, CATALOG, "pg_language",
     "oid oid,lanname name,lanowner oid,lanispl bool,lanpltrusted bool,lanplcallfoid oid,"
     "laninline oid,lanvalidator oid,lanacl _aclitem",
     SYSTEM_NOTHING, NULL, "VALUES (14, 'sql', 10, false, true, 0, 0, 0, NULL::text[])"},
    {2995, CATALOG, "pg_largeobject_metadata", "oid oid,lomowner oid,lomacl _aclitem",
     SYSTEM_NOTHING, NULL, NULL},
    {12073, CATALOG, "pg_locks",
     "locktype text,database oid,relation oid,page int4,tuple int2,virtualxid text,"
     "transactionid xid,classid oid,objid oid,objsubid int2,virtualtransaction text,pid int4,"
     "mode text,granted bool,fastpath bool,waitstart timestamptz",
     SYSTEM_NOTHING, NULL, NULL},
    {12038, CATALOG, "pg_matviews",
     "schemaname name,matviewname name,matviewowner name,tablespace name,hasindexes bool,"
     "ispopulated bool,definition text",
     SYSTEM_NOTHING, NULL, NULL},
    {2615, CATALOG, "pg_namespace", "oid oid,nspname name,nspowner oid,nspacl _aclitem",
     SYSTEM_SCHEMAS, fill_namespace, NULL},
    {2616, CATALOG, "pg_opclass",
     "oid oid,opcmethod oid,opcname name,opcnamespace oid,opcowner oid,opcfamily oid,"
     "opcintype oid,opcdefault bool,opckeytype oid",
     SYSTEM_NOTHING, NULL,
     "VALUES (10003, 403, 'bool_ops', 11, 10, 424, 16, true, 0), (10006, 403, 'bytea_ops', 11, "
     "10, 428, 17, true, 0), (10007, 403, 'char_ops', 11, 10, 429, 18, true, 0), (10028, 403, "
     "'name_ops', 11, 10, 1994, 19, true, 0), (3124, 403, 'int8_ops', 11, 10, 1976, 20, true, "
     "0), (1979, 403, 'int2_ops', 11, 10, 1976, 21, true, 0), (1978, 403, 'int4_ops', 11, 10, "
     "1976, 23, true, 0), (3126, 403, 'text_ops', 11, 10, 1994, 25, true, 0), (1981, 403, "
     "'oid_ops', 11, 10, 1989, 26, true, 0), (10012, 403, 'float4_ops', 11, 10, 1970, 700, true,"
     " 0), (3123, 403, 'float8_ops', 11, 10, 1970, 701, true, 0), (10004, 403, 'bpchar_ops', 11,"
     " 10, 426, 1042, true, 0), (3122, 403, 'date_ops', 11, 10, 434, 1082, true, 0), (10038, "
     "403, 'time_ops', 11, 10, 1996, 1083, true, 0), (3128, 403, 'timestamp_ops', 11, 10, 434, "
     "1114, true, 0), (3127, 403, 'timestamptz_ops', 11, 10, 434, 1184, true, 0), (10022, 403, "
     "'interval_ops', 11, 10, 1982, 1186, true, 0), (3125, 403, 'numeric_ops', 11, 10, 1988, "
     "1700, true, 0), (10000, 403, 'array_ops', 11, 10, 397, 2277, true, 0), (10065, 403, "
     "'uuid_ops', 11, 10, 2968, 2950, true, 0), (10088, 403, 'jsonb_ops', 11, 10, 4033, 3802, "
     "true, 0)"},
    {2617, CATALOG, "pg_operator",
     "oid oid,oprname name,oprnamespace oid,oprowner oid,oprkind char,oprcanmerge bool,"
     "oprcanhash bool,oprleft oid,oprright oid,oprresult oid,oprcom oid,oprnegate oid,"
     "oprcode regproc,oprrest regproc,oprjoin regproc",
     SYSTEM_NOTHING, NULL, NULL},
    {2753, CATALOG, "pg_opfamily",
     "oid oid,opfmethod oid,opfname name,opfnamespace oid,opfowner oid", SYSTEM_NOTHING, NULL,
     "SELECT DISTINCT o.opcfamily, 403, CASE o.opcfamily WHEN 1976 THEN 'integer_ops' WHEN 1970 "
     "THEN 'float_ops' WHEN 434 THEN 'datetime_ops' ELSE o.opcname END, 11, 10 FROM pg_opclass "
     "o WHERE o.opcname NOT IN ('name_ops')"},
    {3350, CATALOG, "pg_partitioned_table",
     "partrelid oid,partstrat char,partnatts int2,partdefid oid,partattrs int2vector,"
     "partclass oidvector,partcollation oidvector,partexprs pg_node_tree",
     SYSTEM_NOTHING, NULL, NULL},
    {12018, CATALOG, "pg_policies",
     "schemaname name,tablename name,policyname name,permissive text,roles _name,cmd text,"
     "qual text,with_check text",
     SYSTEM_NOTHING, NULL, NULL},
    {3256, CATALOG, "pg_policy",
     "oid oid,polname name,polrelid oid,polcmd char,polpermissive bool,polroles _oid,"
     "polqual pg_node_tree,polwithcheck pg_node_tree",
     SYSTEM_NOTHING, NULL, NULL},
    {12095, CATALOG, "pg_prepared_statements",
     "name text,statement text,prepare_time timestamptz,parameter_types _regtype,from_sql bool,"
     "generic_plans int8,custom_plans int8",
     SYSTEM_NOTHING, NULL, NULL},
    {12090, CATALOG, "pg_prepared_xacts",
     "transaction xid,gid text,prepared timestamptz,owner name,database name", SYSTEM_NOTHING, NULL,
     NULL},
    {1255, CATALOG, "pg_proc",
     "oid oid,proname name,pronamespace oid,proowner oid,prolang oid,procost float4,"
     "prorows float4,provariadic oid,prosupport regproc,prokind char,prosecdef bool,"
     "proleakproof bool,proisstrict bool,proretset bool,provolatile char,proparallel char,"
     "pronargs int2,pronargdefaults int2,prorettype oid,proargtypes oidvector,"
     "proallargtypes _oid,proargmodes _char,proargnames _text,proargdefaults pg_node_tree,"
     "protrftypes _oid,prosrc text,probin text,prosqlbody pg_node_tree,proconfig _text,"
     "proacl _aclitem",
     SYSTEM_NOTHING, NULL, NULL},
    {6104, CATALOG, "pg_publication",
     "oid oid,pubname name,pubowner oid,puballtables bool,pubinsert bool,pubupdate bool,"
     "pubdelete bool,pubtruncate bool,pubviaroot bool",
     SYSTEM_NOTHING, NULL, NULL},
    {6237, CATALOG, "pg_publication_namespace", "oid oid,pnpubid oid,pnnspid oid", SYSTEM_NOTHING,
     NULL, NULL},
    {6106, CATALOG, "pg_publication_rel",
     "oid oid,prpubid oid,prrelid oid,prqual pg_node_tree,prattrs int2vector", SYSTEM_NOTHING, NULL,
     NULL},
    {3541, CATALOG, "pg_range",
     "rngtypid oid,rngsubtype oid,rngmultitypid oid,rngcollation oid,rngsubopc oid,"
     "rngcanonical regproc,rngsubdiff regproc",
     SYSTEM_NOTHING, NULL, NULL},
    {2618, CATALOG, "pg_rewrite",
     "oid oid,rulename name,ev_class oid,ev_type char,ev_enabled char,is_instead bool,"
     "ev_qual pg_node_tree,ev_action pg_node_tree",
     SYSTEM_VIEWS, fill_rewrite, NULL},
    {12000, CATALOG, "pg_roles",
     "rolname name,rolsuper bool,rolinherit bool,rolcreaterole bool,rolcreatedb bool,"
     "rolcanlogin bool,rolreplication bool,rolconnlimit int4,rolpassword text,"
     "rolvaliduntil timestamptz,rolbypassrls bool,rolconfig _text,oid oid",
     SYSTEM_NOTHING, NULL,
     "SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, "
     "rolreplication, rolconnlimit, '********', rolvaliduntil, rolbypassrls, NULL::text[], oid "
     "FROM pg_authid"},
    {12023, CATALOG, "pg_rules", "schemaname name,tablename name,rulename name,definition text",
     SYSTEM_NOTHING, NULL, NULL},
    {3596, CATALOG, "pg_seclabel", "objoid oid,classoid oid,objsubid int4,provider text,label text",
     SYSTEM_NOTHING, NULL, NULL},
    {2224, CATALOG, "pg_sequence",
     "seqrelid oid,seqtypid oid,seqstart int8,seqincrement int8,seqmax int8,seqmin int8,"
     "seqcache int8,seqcycle bool",
     SYSTEM_SEQUENCES, fill_sequence, NULL},
    {12048, CATALOG, "pg_sequences",
     "schemaname name,sequencename name,sequenceowner name,data_type regtype,start_value int8,"
     "min_value int8,max_value int8,increment_by int8,cycle bool,cache_size int8,last_value int8",
     SYSTEM_NOTHING, NULL,
     "SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), s.seqtypid::regtype, s.seqstart,"
     " s.seqmin, s.seqmax, s.seqincrement, s.seqcycle, s.seqcache, "
     "pg_sequence_last_value(c.oid) FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid "
     "LEFT JOIN pg_namespace n ON n.oid = c.relnamespace"},
    {12104, CATALOG, "pg_settings",
     "name text,setting text,unit text,category text,short_desc text,extra_desc text,"
     "context text,vartype text,source text,min_val text,max_val text,enumvals _text,"
     "boot_val text,reset_val text,sourcefile text,sourceline int4,pending_restart bool",
     SYSTEM_NOTHING, NULL,
     "SELECT name, setting, NULL, 'Preset Options', '', NULL, 'internal', 'string', 'default', "
     "NULL, NULL, NULL::text[], setting, setting, NULL, NULL::integer, false FROM (VALUES "
     "('server_version', '15.0'), ('server_version_num', '150000'), ('max_index_keys', '32'), "
     "('max_identifier_length', '63'), ('block_size', '8192'), ('integer_datetimes', 'on'), "
     "('standard_conforming_strings', 'on'), ('server_encoding', 'UTF8'), ('client_encoding', "
     "'UTF8'), ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'), ('search_path', 'public'), "
     "('default_transaction_isolation', 'read committed'), ('lc_collate', 'C'), ('lc_ctype', "
     "'C')) AS s(name, setting)"},
    {1214, CATALOG, "pg_shdepend",
     "dbid oid,classid oid,objid oid,objsubid int4,refclassid oid,refobjid oid,deptype char",
     SYSTEM_NOTHING, NULL, NULL},
    {2396, CATALOG, "pg_shdescription", "objoid oid,classoid oid,description text", SYSTEM_NOTHING,
     NULL, NULL},
    {3592, CATALOG, "pg_shseclabel", "objoid oid,classoid oid,provider text,label text",
     SYSTEM_NOTHING, NULL, NULL},
    {3381, CATALOG, "pg_statistic_ext",
     "oid oid,stxrelid oid,stxname name,stxnamespace oid,stxowner oid,stxstattarget int4,"
     "stxkeys int2vector,stxkind _char,stxexprs pg_node_tree",
     SYSTEM_NOTHING, NULL, NULL},
    {6100, CATALOG, "pg_subscription",
     "oid oid,subdbid oid,subskiplsn text,subname name,subowner oid,subenabled bool,"
     "subbinary bool,substream bool,subtwophasestate char,subdisableonerr bool,subconninfo text,"
     "subslotname name,subsynccommit text,subpublications _text",
     SYSTEM_NOTHING, NULL, NULL},
    {12033, CATALOG, "pg_tables",
     "schemaname name,tablename name,tableowner name,tablespace name,hasindexes bool,"
     "hasrules bool,hastriggers bool,rowsecurity bool",
     SYSTEM_NOTHING, NULL,
     "SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), NULL, c.relhasindex, "
     "c.relhasrules, c.relhastriggers, c.relrowsecurity FROM pg_class c LEFT JOIN pg_namespace "
     "n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"},
    {1213, CATALOG, "pg_tablespace",
     "oid oid,spcname name,spcowner oid,spcacl _aclitem,spcoptions _text", SYSTEM_NOTHING, NULL,
     "VALUES (1663, 'pg_default', 10, NULL::text[], NULL::text[]), (1664, 'pg_global', 10, NULL,"
     " NULL)"},
    {12122, CATALOG, "pg_timezone_abbrevs", "abbrev text,utc_offset interval,is_dst bool",
     SYSTEM_NOTHING, NULL, NULL},
    {12126, CATALOG, "pg_timezone_names", "name text,abbrev text,utc_offset interval,is_dst bool",
     SYSTEM_NOTHING, NULL, NULL},
    {3576, CATALOG, "pg_transform",
     "oid oid,trftype oid,trflang oid,trffromsql regproc,trftosql regproc", SYSTEM_NOTHING, NULL,
     NULL},
    {2620, CATALOG, "pg_trigger",
     "oid oid,tgrelid oid,tgparentid oid,tgname name,tgfoid oid,tgtype int2,tgenabled char,"
     "tgisinternal bool,tgconstrrelid oid,tgconstrindid oid,tgconstraint oid,tgdeferrable bool,"
     "tginitdeferred bool,tgnargs int2,tgattr int2vector,tgargs bytea,tgqual pg_node_tree,"
     "tgoldtable name,tgnewtable name",
     SYSTEM_NOTHING, NULL, NULL},
    {1247, CATALOG, "pg_type",
     "oid oid,typname name,typnamespace oid,typowner oid,typlen int2,typbyval bool,typtype char,"
     "typcategory char,typispreferred bool,typisdefined bool,typdelim char,typrelid oid,"
     "typsubscript regproc,typelem oid,typarray oid,typinput regproc,typoutput regproc,"
     "typreceive regproc,typsend regproc,typmodin regproc,typmodout regproc,typanalyze regproc,"
     "typalign char,typstorage char,typnotnull bool,typbasetype oid,typtypmod int4,"
     "typndims int4,typcollation oid,typdefaultbin pg_node_tree,typdefault text,typacl _aclitem",
     SYSTEM_TYPES, fill_type, NULL},
    {12014, CATALOG, "pg_user",
     "usename name,usesysid oid,usecreatedb bool,usesuper bool,userepl bool,usebypassrls bool,"
     "passwd text,valuntil timestamptz,useconfig _text",
     SYSTEM_NOTHING, NULL,
     "SELECT rolname, oid, rolcreatedb, rolsuper, rolreplication, rolbypassrls, '********', "
     "NULL::timestamptz, NULL::text[] FROM pg_authid WHERE rolcanlogin"},
    {1418, CATALOG, "pg_user_mapping", "oid oid,umuser oid,umserver oid,umoptions _text",
     SYSTEM_NOTHING, NULL, NULL},
    {12028, CATALOG, "pg_views", "schemaname name,viewname name,viewowner name,definition text",
     SYSTEM_NOTHING, NULL,
     "SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), pg_get_viewdef(c.oid) FROM "
     "pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v'"},
    {2602, CATALOG, "pg_amop",
     "oid oid,amopfamily oid,amoplefttype oid,amoprighttype oid,amopstrategy int2,amoppurpose "
     "char,amopopr oid,amopmethod oid,amopsortfamily oid",
     SYSTEM_NOTHING, NULL, NULL},
    {2603, CATALOG, "pg_amproc",
     "oid oid,amprocfamily oid,amproclefttype oid,amprocrighttype oid,amprocnum int2,amproc "
     "regproc",
     SYSTEM_NOTHING, NULL, NULL},
    {12099, CATALOG, "pg_seclabels",
     "objoid oid,classoid oid,objsubid int4,objtype text,objnamespace oid,objname text,provider "
     "text,label text",
     SYSTEM_NOTHING, NULL, NULL},
    {3602, CATALOG, "pg_ts_config",
     "oid oid,cfgname name,cfgnamespace oid,cfgowner oid,cfgparser oid", SYSTEM_NOTHING, NULL,
     NULL},
    {3603, CATALOG, "pg_ts_config_map", "mapcfg oid,maptokentype int4,mapseqno int4,mapdict oid",
     SYSTEM_NOTHING, NULL, NULL},
    {3600, CATALOG, "pg_ts_dict",
     "oid oid,dictname name,dictnamespace oid,dictowner oid,dicttemplate oid,dictinitoption text",
     SYSTEM_NOTHING, NULL, NULL},
    {3601, CATALOG, "pg_ts_parser",
     "oid oid,prsname name,prsnamespace oid,prsstart regproc,prstoken regproc,prsend "
     "regproc,prsheadline regproc,prslextype regproc",
     SYSTEM_NOTHING, NULL, NULL},
    {3764, CATALOG, "pg_ts_template",
     "oid oid,tmplname name,tmplnamespace oid,tmplinit regproc,tmpllexize regproc", SYSTEM_NOTHING,
     NULL, NULL},
};

const uint32_t system_catalog_count =
    (uint32_t)(sizeof system_catalog_relations / sizeof system_catalog_relations[0]);
