//! What to do about an undelivered record, a failed run, a notice or a finding of the doctor: one table for the ledger's texts, the command
//! line, the console, the API and the notices. Each text says what a person does, or that Tieline does it; none promises what only a person
//! can do. A field named `next_step` contains a row of this table, so that no step has a second wording.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// Makes the enum from the table: a row is a name, the values in its text, and the text.
macro_rules! steps {
    ($($name:ident $({ $($field:ident),+ })? => $text:literal;)+) => {
        /// What to do next: a row of the table.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum NextStep {
            $(
                #[doc = $text]
                $name $({ $(
                    #[doc = concat!("The value of `", stringify!($field), "`.")]
                    $field: String,
                )+ })?,
            )+
        }

        impl NextStep {
            /// The text, with a small first letter and without a full stop.
            pub fn text(&self) -> Cow<'static, str> {
                match self {
                    $(Self::$name $({ $($field),+ })? => steps!(@text $text $($($field)+)?),)+
                }
            }

            /// Every step once, with sample values: for tests and documentation.
            pub fn examples() -> Vec<Self> {
                vec![$(Self::$name $({ $($field: stringify!($field).to_owned()),+ })?,)+]
            }
        }
    };
    (@text $text:literal) => { Cow::Borrowed($text) };
    (@text $text:literal $($field:ident)+) => { Cow::Owned(format!($text)) };
}

steps! {
    // records that wait
    ParentToCome => "run the parent's flow if it has not run yet, and correct what keeps the parent from being delivered (`tieline failures` names it); \
        Tieline sends this record automatically once the parent is delivered";
    ParentElsewhere => "run `tieline replay --outdated --why …`, which reports how many records differ and sends the parent to the table \
         of the definition in force; Tieline sends this record automatically once the parent is delivered there";
    ParentNotThere => "create the parent in SYSPRO or correct the reference there; Tieline then sends this record automatically";
    ParentLeftOut => "change the rule in the parent's entity file and run a sweep (`tieline sync --sweep`), or correct the reference in SYSPRO; \
        until then this record is not sent";
    OnHold => "release the record when it may be sent: `tieline release`, the console, or `POST /api/v1/records/release`";
    FlowNotMade { company, entity } => "add the company and the entity to the settings again and replay the record, or forget the flow, which \
        is no longer configured: `tieline flow forget {company} {entity} --drop-pending`";
    Retried => "nothing: Tieline retries automatically";
    Throttled => "nothing: ServiceNow asked for a pause, and Tieline retries after it";
    LookedUp => "nothing: Tieline looks the record up in ServiceNow before it does anything else";

    // records that could not be read or mapped
    Unmapped => "correct the code list or the definition, then replay the record; a value that is corrected in SYSPRO comes with the next read of \
        the record (`tieline sync --sweep` reads everything), because a replay maps the stored content";
    ForcedError => "see that its notice arrives and that somebody follows it up, then end it: `tieline doctor --end-forced-error --why …`";
    Poison => "report it with the record's content (`tieline record`), and replay it after an upgrade";
    RowsWrong => "correct it in SYSPRO; the next run that reads the record sends it automatically (a sweep reads everything)";
    ColumnLeftOut { columns, table } => "make the service return {columns} of `{table}` in every row, with empty values as null or as an \
         empty element; or, if you are certain that it omits only empty values and not, for example, zeros, set `syspro.absent_columns = \
         \"empty\"` and restart the service; the next run that reads the record sends it automatically (`tieline sync --sweep` reads \
         everything)";
    KeyLeftOut { columns, table } => "make the service return {columns} of `{table}` in every row: without them Tieline cannot tell to \
         which record the row belongs, whatever the settings; the next run that can read the row sends the record automatically (`tieline \
         sync --sweep` reads everything)";
    JoinKeyTooShort { table } => "add the missing column to `on` of the `[[join]]` `{table}`, or make it a `[[child]]`, or correct the rows in \
        SYSPRO; then read the record again (`tieline backfill`, or the next sweep)";
    ViaKeyTooShort { table } => "add the column that tells the rows of `{table}` apart to `on` of `via` in the entity's file, or correct the \
        rows in SYSPRO; then read the records again (`tieline backfill`, or the next sweep)";
    ChildKeyTooShort { child, entity } => "add the column that tells these rows apart to `key` of `[[child]]` `{child}` in \
        entities/{entity}.toml, or correct the rows in SYSPRO; then read the record again (`tieline backfill`, or the next sweep)";
    ChildKeyTooShortVia { child, entity, table, via } => "add the column that tells these rows apart to `key` of `[[child]]` `{child}` in \
        entities/{entity}.toml, or correct the rows in SYSPRO, where two rows of `{via}` may lead to the same row of `{table}`; then read \
        the record again (`tieline backfill`, or the next sweep)";
    StoredUnreadable => "replay the record (`tieline replay`): it is mapped again from its stored content";

    // records that ServiceNow refused
    FieldRequired => "give the field a value in the definition, or relax the data policy, then replay the record; a value that is entered in SYSPRO \
        comes with the next read of the record (`tieline sync --sweep` reads everything)";
    CoalesceRequired => "map a value to every coalesce field of the transform map, then replay the record";
    WriteForbidden => "give the OAuth application's user the right to write this table, then replay the record";
    BusinessRule => "ask the ServiceNow administrator for the business rule named here; correct the rule, then replay the record; what is corrected in \
        SYSPRO comes with the next read of the record (`tieline sync --sweep` reads everything)";
    ReferenceMissing => "create the row that the record refers to in ServiceNow, then replay the record; a reference that is corrected in SYSPRO comes \
        with the next read of the record (`tieline sync --sweep` reads everything)";
    RecordRefused => "correct the table's rules or transform map in ServiceNow, then replay the record; what is corrected in SYSPRO comes with the \
        next read of the record (`tieline sync --sweep` reads everything)";
    RequestRefused => "correct the table, column or right that ServiceNow's answer names, there or in the profile's definition, then replay the \
        record";
    MapIgnores => "find the script or condition of the transform map that ignores the record; correct that, then replay the record; what is corrected in \
        SYSPRO comes with the next read of the record (`tieline sync --sweep` reads everything)";
    KeptOtherwise => "correct the column's name, rights, length, choices or rules in ServiceNow, or the field in the definition, then replay \
        the record";
    WriteUndone { table, column } => "find the business rule, data policy or access rule of `{table}` that undoes the write, or let the OAuth \
        application's user write `{column}`; then replay the record";
    RowHidden { column, key } => "if an access rule hides the row, let the OAuth application's user read it; if the row was deleted, create a \
        row with `{column}` = `{key}` or restore the old one; then replay the record";
    HiddenRow { column, key } => "let the OAuth application's user read the row, then replay the record; if the hidden row belongs to \
        another record, create the row for this one by hand with `{column}` = `{key}`";
    RowUnreadable { table } => "let the OAuth application's user read `{table}` and its staging table, or find out why ServiceNow ignores \
         or refuses the record; then replay it";
    LookUpFails { table } => "find out in ServiceNow why a look-up of this record in `{table}`, or in its staging table, fails (the \
         instance's log, a script of the table, a firewall in front of it); once it can be read, replay the record; do not enter it by \
         hand: it may be there";
    SeveralRows { column, key } => "delete the rows that should not be there, or write `{key}` into `{column}` of the right one, then replay the \
        record";
    Exhausted => "check what the last answer names, and whether ServiceNow, or a firewall in front of it, accepts this record (`tieline \
         doctor`); then replay the failed records (`tieline replay --failed-only`)";
    Downstream => "correct what ServiceNow names there, then replay the record, whose row in ServiceNow is updated; what is corrected in SYSPRO comes with \
        the next read of the record (`tieline sync --sweep` reads everything)";

    // two records with one row, or two rows of one record
    KeyColumnTooShort { column } => "make `{column}` long enough for every key, let the transform map coalesce on it alone, and correct the \
        row's key; then replay both records";
    RowShared { table } => "make the key column of `{table}` long enough for every key, and let the transform map coalesce on it alone; then \
        replay both records: the row holds the values that were written last";
    SecondRow { column } => "let the transform map coalesce on {column} alone, delete the surplus row, then replay the record";
    NaturalKeyShared { column, key } => "make the natural key tell the two records apart, or write `{key}` into `{column}` of the row for \
         this record; then replay it";
    OtherRowAnswered => "find the rule of the table that answers with another row, and delete the row that is wrong; then replay the record";
    RowOfOther => "find out which of the two records the row is for and correct its key column, then replay the record";

    // differences between SYSPRO and ServiceNow
    TieOutNotRead => "run the flow (`tieline sync`; a silent edit is found by `tieline sync --sweep`), then tie out again";
    TieOutQueued => "nothing: Tieline delivers it, and the next tie-out does not show it";
    TieOutFailed => "find out with `tieline record` why its delivery did not succeed, and follow its next step";
    TieOutGone => "run a sweep (`tieline sync --sweep`), which marks what SYSPRO no longer has, then tie out again";
    TieOutReview => "look at the newest tie-out (`tieline tie-out show`, or the console's page *Tie-out*): each difference names its cause and \
         its own next step";
    TieOutLeftOut => "check that the rule which leaves it out is intended; change the definition or `[flows] since` if it is not, and run a \
         sweep (`tieline sync --sweep`), which reads everything again";
    TieOutStaged => "wait for ServiceNow's own job, which processes staged rows; if the row stays, look at its import set in ServiceNow";
    TieOutPurged => "run a sweep (`tieline sync --sweep`), which marks the record in ServiceNow as purged and keeps its amounts";
    TieOutRounding => "give the column in ServiceNow as many decimals as the amount, and the record's own currency; then replay the record";
    TieOutHidden => "let the OAuth application's user read every row of the table, then tie out again";
    TieOutControl => "correct the document in SYSPRO, or the control in the entity's definition; then tie out again";
    TieOutOutdated => "run `tieline replay --outdated --why …`, which maps and sends the records of former definitions again";
    TieOutChangedThere => "ask who changed the row in ServiceNow (the item names user and time); if SYSPRO's value is right, replay the record";
    TieOutDeletedThere => "find out who deleted the row, and that it is not hidden from the OAuth application's user; replay a record whose row was deleted";
    TieOutTwice => "delete the surplus row in ServiceNow, and let the transform map coalesce on the key column alone";
    TieOutUnknownRow => "find out who created the row in ServiceNow; delete it there, or correct its key column";
    SubledgerTiming => "wait for the journals that `tieline tie-out subledger` names, or post them in SYSPRO; then tie out again";
    SubledgerForeign => "find out who posted on the control account from elsewhere than AP (`tieline tie-out subledger` names the journals); correct \
        them with a journal in SYSPRO";
    SubledgerDiffers => "compare the account with AP in SYSPRO (*AP at a Glance by Branch* and the GL query of the account), and correct SYSPRO; \
        nothing that Tieline sends depends on it";
    SubledgerNotCompared => "correct what the reason names: a right of the OData operator, a name under `[subledger]` or `[calendar]` in the \
        settings, or a branch without a control account; then tie out again";
    TieOutUnexplained => "look at the record (`tieline record`) and at its row in ServiceNow, then tie out again";

    // errors of every record of a block, a system or a set of credentials
    TableMissing => "create the table in ServiceNow, or correct `table` in the profile's definition; Tieline then sends the record \
         automatically";
    ColumnMissing => "create the column in ServiceNow, let the application user read it, or correct the profile's definition; Tieline then \
         sends the record automatically";
    RightMissing => "give the OAuth application's user a role for this API and table; Tieline then sends the record automatically";
    SignInRefused => "check the items that the message lists, one after another; Tieline then sends the record automatically";
    Settings => "correct the setting that the message names, then restart the service";
    SettingsSection { section } => "correct the setting in `[{section}]` that the message names, then restart the service";

    // runs
    ReplayEnded => "repeat the replay; repeating it is safe";
    BackfillRetried => "nothing: the backfill continues where it stopped, after a wait that grows with each attempt; `tieline backfill list` says when";
    RunRetried => "nothing: Tieline runs the flow again and continues where it stopped; if the same error comes again, run `tieline doctor`, \
        which shows which system does not answer correctly";

    // notices
    ReviewFailures => "look at the failures (`tieline failures`), correct the cause, then replay them: `tieline replay --failed-only`";
    CompareFields => "check which fields differ (`tieline audit --kind partial_write`); correct the columns or rules in ServiceNow, or the field in \
        the definition, then replay the records";
    DecideConflicts => "decide which value wins: `tieline conflicts list`, `tieline conflicts resolve`";
    ResumeFlow => "see why the flow stopped (`tieline status`) and correct that, then resume it: `tieline flow resume`";
    CheckFlow => "run `tieline status` and `tieline doctor`: they show what prevents the flow from finishing";
    RenewCertificate => "renew the files of `http.certificate`; Tieline reads them again when they change";
    RenewKey => "give the key a new secret (`tieline api-key rotate NAME --why …`), let it live longer (`tieline api-key change NAME --expires 365 \
        --why …`), or remove it (`tieline api-key remove NAME`)";
    KeepHead => "make sure that this message is kept where nobody with access to the ledger can change it: `tieline audit verify --head` compares the \
        ledger with it";
    CloseAgain => "see what changed (`tieline close radar`), tie out again, then prepare and sign the period again: `tieline close prepare`";
    AnswerApproval => "look at what waits (`tieline approvals list`, or the console's page *Approvals*), and approve or reject it; the person who \
        asked cannot approve it";
    ApproveDefinitions => "ask for an approval of the changed definitions (`tieline definitions adopt --why …`) and let another person approve it, or \
        give this node the files in force";
    TaskRights => "let the OAuth application's user read, create and change the rows of `tasks.table` and its columns, or correct `[tasks]`";
    TasksFailing => "look at the error (`tieline tasks`), and correct the right, the table or the column that it names; Tieline retries \
        automatically";
    HeadNotOutside => "correct what the error names (`[audit]` of tieline.toml, the right to write there, or the network); Tieline retries \
        automatically for a week. Until then keep `tieline audit head` where nobody with access to the ledger can change it";
    TestOnly => "nothing: this was only a test";

    // entries of the conflict list
    ResolveConflict { id } => "decide which value wins: `tieline conflicts resolve {id} --take syspro`, or `--take servicenow`";
    RunActs => "nothing: the flow's next run acts on it";
    ConflictQueued => "see the state of the record (`tieline record`): SYSPRO's value has not been delivered yet";
    ConflictDelivered => "nothing: delivered; the next run of the flow compares it and closes it";
    EnterInSyspro => "enter ServiceNow's value in SYSPRO, unless the entity's `[setup]` does; the entry leaves the list when a run sees it there";
    ConflictClosed { outcome, time } => "nothing: the entry is closed, {outcome} {time}";

    // records that were never read
    NoSuchFlow => "name a flow that `tieline status` or `GET /api/v1/flows` lists; flows come from `syspro.companies` and the definitions";
    JoinKeyParts => "join the parts of the key with `/`, and keep leading zeros and capitals";
    CheckKey => "check how SYSPRO writes the key (leading zeros and capitals count), and in which company it is";
    LeftOut => "nothing, if that is intended; otherwise change the rule in the entity's definition file, then run a sweep";
    RunToCome => "wait for the flow's next run, or run it now; a record whose dates are old is found by a sweep (`tieline sync --sweep`)";
    AskAgain => "ask again when SYSPRO answers; SYSPRO may not have it, the definition may exclude it, its flow may not have run, or the \
         key may be written differently";

    // the doctor: this machine and the database
    Again => "run the check again in a moment";
    Credential => "set the credential with `tieline credential set`";
    FirstCredential => "set a credential, which also creates the key: `tieline credential set NAME --username U --password-stdin`";
    KeyFile => "correct the key file: `chmod 600` if others can read it; its owner if it belongs to another account; restore it from its copy if \
        it is missing, or set every credential again";
    StateDirectory => "create the directory, or let the account of the service read and write it";
    CheckSpace => "check the free space with the system's own tools";
    FreeSpace { danger } => "free some space: {danger}";
    FreeSpaceOrMove => "free some space, or move `state.directory` to a larger disk";
    OwnCertificateEnds => "renew the certificate; Tieline reads the files again when they change";
    KeyReadByOthers => "remove the right of others to read the key: `chmod o-r`";
    Database => "make sure that the database server runs and accepts `database.url`, then run the check again";
    DatabaseFirst => "make the database answer first, then run the check again";
    UpgradeServer { oldest } => "upgrade the database server: PostgreSQL {oldest} or newer is needed";
    ReplayOutdated => "run `tieline replay --outdated --why …`: it compares them with what was sent, says how many differ, and sends those, \
        up to `flows.change_limit`; if the definition was changed back meanwhile, `tieline replay --failed-only` sends what failed";
    Migrate => "run `tieline migrate`, and restart the service";
    TellCluster => "let the ledger's account see which cluster it is in: `GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO …`";
    LedgerRestored => "run `tieline restored` if that has not been done: it compares the ledger with ServiceNow";
    WatchDatabaseDisk => "watch the disk of the database server with its own tools";
    OtherSpelling => "write the company as the ledger spells it, or forget the other spelling: `tieline flow forget`";

    // the doctor: clocks and certificates
    SystemFirst => "make the system answer first, then run the check again";
    CompareClocks => "compare both clocks by hand";
    SetClocks => "let the network set both machines' clocks (NTP)";
    AnswerOverTls { setting } => "make the service answer over TLS, and set `{setting}` to its `https://` address";
    WhenReachable => "run the check again when the system can be reached";
    NoCertificateShown => "ask the server's administrator why it sends no certificate";
    ServerCertificateEnded => "ask the server's administrator to renew the certificate: until then no request succeeds";
    TrustAuthority { section } => "get that authority's certificate as a PEM file, and name the file in `{section}.ca_file`";
    CertificateName { setting } => "set `{setting}` to a name in the certificate, or get a certificate for this name";
    ServerCertificateBad => "ask the server's administrator for a new certificate";
    ServerCertificateEnds => "ask the server's administrator for a new certificate in time: afterwards no request succeeds";

    // the doctor: SYSPRO
    Company => "make the OData service answer for this company: check `syspro.companies`, the operator's rights and the service itself; Tieline \
        did not check this company further";
    OperatorCompany => "give the operator of `syspro-odata` this company, and its SQL login the tables of the company's database, in SYSPRO; \
         then restart the OData service, which reads its operators only when it starts";
    OperatorTable { table } => "let the SQL login of the operator of `syspro-odata` read `{table}` in the company's database; then restart the \
         OData service, which reads its operators only when it starts";
    ODataService => "make SYSPRO's OData service (in IIS) answer at `syspro.odata_url`: check that it runs, that the address ends before the \
         company, and that the firewall lets this machine through; a site without OData sets `syspro.source = \"enet\"`";
    SysproLog { table } => "look up in the log of SYSPRO's service why it does not answer for `{table}`, then run the check again";
    EnetSignIn => "check the operator, its companies, the company password (`syspro-enet-company`) and its e.net licence in SYSPRO; the message \
         is SYSPRO's own. If it says that no seat is free, add its words to `syspro.enet_seat_texts`";
    EnetPassword => "set the operator's password with `tieline credential set syspro-enet`; SYSPRO may lock an operator after several wrong ones";
    EnetSeat => "let SYSPRO's administrator end idle sessions in the Users screen, or give Tieline's operator an e.net seat of its own; then run the check again";
    EnetLicence { object } => "let SYSPRO's administrator license the functional area of `{object}` for Tieline's operator";
    EnetOperator => "let nobody else use Tieline's operator: e.net allows an operator one session";
    EnetService => "check on SYSPRO's application server that the service `SYSPRO 8 e.net Communications Load Balancer` runs, that \
         `syspro.enet_url` names its REST port, and that the firewall lets this machine through";
    EnetFirst => "correct what `e.net sign-in` reports first, then run the check again";
    EnetInUse => "run the diagnostics in the console of that node, or when no other run uses the session";
    SysproTable => "let the OData service show the table, or correct its name in the definition; a site without that module of SYSPRO sets \
         `may_be_absent` or leaves the entity out";
    SysproColumns => "remove the columns from the definition, or list them under `optional`";
    NoDates => "remove the columns from `dates`, or name others: records whose value is not a date fail";
    OrderIgnored => "find out which version of the service, or which gateway in front of it, ignores `$orderby`: nothing can be read from \
         such a service";
    OtherOrder => "set `syspro.key_order = \"any\"`, then restart the service";
    UnnamedDates => "name the columns in `dates` of the entity's file, unless they are wanted as text";

    // the doctor: ServiceNow
    Token => "check the items that the message lists, one after another; `servicenow.instance_url` must be the instance's own address";
    TryCreate => "run `tieline doctor` without `--read-only`, or run diagnostics in the console that may create a row and delete it";
    LongerKey { column, length } => "make `{column}` at least {length} characters long";
    LongerVersion { column, length } => "make `{column}` a text of at least {length} characters";
    MakeColumns { blocks } => "create the columns, or correct the fields, the key, `align` or `watch` of {blocks} in the profile's \
         definition";
    MakeWatchedColumns { tables } => "create the columns, or correct `column` and `message` of `watch` where the definition writes to \
         {tables}";
    ReadOrMakeColumns { blocks } => "let the OAuth application's user read these columns; or create them, or correct the fields, the key, \
         `align` or `watch` of {blocks} in the profile's definition";
    ReadOrMakeWatchedColumns { tables } => "let the OAuth application's user read these columns; or create them, or correct `column` and \
         `message` of `watch` where the definition writes to {tables}";
    ReadDictionary => "let the OAuth application's user read `sys_dictionary` and `sys_db_object`";
    CorrectTable { setting, named } => "correct `{setting}` in the profile's definition (at {named}), or create the table";
    ReadIndirect => "give the application user read access (for staging tables the role `import_transformer`): after a lost \
        answer, Tieline reads the table to see whether the record arrived";
    ReadAndWrite => "give the OAuth application's user a role that reads and writes this table";
    InstanceRefuses => "correct what the message names in ServiceNow, in `[servicenow]` or in the profile's definition, then run the check again";
    InstanceSilent => "run the check again when the instance answers";
    InstanceBusy => "run the check again when the instance no longer asks for a pause";
    ReadMaps { column } => "let the OAuth application's user read `sys_transform_map` and `sys_transform_entry`, or check yourself that the map \
        coalesces on `{column}` alone, and whether *Copy empty fields* is on";
    CoalesceOnKey { column } => "let the map coalesce on `{column}` alone";
    CopyEmpty { block } => "turn on *Copy empty fields* of the map, or set `clear_with = \"null\"` in `[{block}]`";
    MakeMap { table } => "create a transform map for `{table}` that coalesces on the key column alone; `tieline servicenow-app` writes one, and \
         lists it for sites without an application";
    CorrectMapTarget { table, target } => "let a map of `{table}` fill `{target}`, or correct `target_table` in the profile's definition";
    MakeColumnsBehind { table, map } => "create these columns in `{table}`, or correct the field maps of `{map}`";
    ActivateMap { map } => "turn on *Active* of the map `{map}`; until then rows stay in the staging table";
    AddFieldMaps { map } => "add field maps for these columns to the map `{map}`, or remove the fields from the profile's definition";
    LongerColumns { table } => "make these columns of `{table}` longer, or shorten the fields with `truncate` in the profile's definition";
    GiveRole { role } => "give the OAuth application's user {role}";
    FirstRecordTells => "nothing: the first record of the flow shows whether rows can be created";
    AskInstanceLog => "ask the ServiceNow administrator what the instance's log says about it; the first record also shows it";
    DiagnoseAgain => "run the diagnostics again: they first delete a row that arrived later";
    ReadKeyColumn => "let the OAuth application's user read this table and its key column";
    MakeKeyColumn => "create the column, or let the OAuth application's user read `sys_dictionary`";
    WriteKeyColumn => "let the OAuth application's user write this column: records are found by it";
    TrialRowLeft => "delete this row in ServiceNow, or let the OAuth application's user temporarily delete rows of this table; until the \
         row is deleted, no diagnostics run creates another. `--read-only` skips this check";
    TrialRowUnseen { table, column, mark } => "find the row with `{column}` = `{mark}` in `{table}` and delete it";
    VersionColumn { table, column } => "make `{column}` of `{table}` a text column that the OAuth application's user may read";
    NameTargetTable => "name `target_table` in the profile's definition, or run the diagnostics again when the first record has arrived";
    ReadTargetTable => "let the OAuth application's user read it, or correct `target_table` in the profile's definition";
    CoalesceWithoutEmpty => "let the transform map coalesce on the key column, without empty values: otherwise a record that is sent twice \
         has two rows";
    DeleteRowThenCoalesce => "delete this row in ServiceNow; then let the transform map coalesce on the key column, without empty values: \
         otherwise a record that is sent twice has two rows";
    CheckRowThenCoalesce => "check the version of this row; then let the transform map coalesce on the key column, without empty values: \
         otherwise a record that is sent twice has two rows";
    StagingRowLeft => "nothing: the transform created no row, and the instance removes staging rows after seven days; until then no \
         diagnostics run stages another. Let the OAuth application's user delete staging rows, or use `--read-only`";
}

impl NextStep {
    /// A step that was stored with a record's content. A text from before steps had names must be one of the rows itself.
    ///
    /// # Errors
    /// If it is not a step.
    pub fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(serde_json::from_value(value).unwrap_or(Self::RowsWrong))
    }
}

impl fmt::Display for NextStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The allowed first words of a step: a verb that tells a person what to do, or that there is nothing to do.
    const BEGINNINGS: &[&str] = &[
        "add", "ask", "begin", "change", "check", "compare", "correct", "create", "decide", "delete", "enter", "find", "free", "get",
        "give", "have", "if", "join", "let", "look", "make", "map", "name", "nothing:", "nothing,", "release", "remind", "remove", "renew",
        "repeat", "replay", "report", "run", "see", "set", "take", "turn", "upgrade", "wait", "watch", "write",
    ];

    #[test]
    fn every_step_is_a_whole_sentence_that_tells_somebody_to_do_something() {
        let all = NextStep::examples();
        assert!(all.len() > 100, "{}", all.len());
        for step in &all {
            let text = step.text();
            println!("{step:?}\n    {text}");
            let first = text.split(' ').next().unwrap_or_default();
            assert!(BEGINNINGS.contains(&first), "it begins with `{first}`: {text}");
            assert!(text.split(' ').count() >= 4, "too short to act on: {text}");
            assert!(!text.ends_with('.') && !text.contains("  ") && !text.contains(['{', '}', '\n']), "{text}");
            for empty in ["see the message", "do what the message says", "passing reason", "try again later", "try again"] {
                assert!(!text.contains(empty), "`{empty}`: {text}");
            }
            assert_eq!(text.matches('`').count() % 2, 0, "{text}");
        }
        let texts: std::collections::BTreeSet<_> = all.iter().map(NextStep::text).collect();
        assert_eq!(texts.len(), all.len(), "two steps with one text are one step");
        // a step that only a person can do never says that the error passes by itself
        for step in
            [NextStep::TableMissing, NextStep::ColumnMissing, NextStep::RightMissing, NextStep::ParentLeftOut, NextStep::ParentNotThere]
        {
            assert!(!step.text().starts_with("nothing"), "{step}");
        }
    }

    #[test]
    fn a_step_takes_its_values_in_and_is_stored_by_its_name() {
        let step = NextStep::SeveralRows { column: "u_source_key".into(), key: "EDU1/e/7".into() };
        assert!(step.text().contains("write `EDU1/e/7` into `u_source_key`"), "{step}");
        #[derive(Debug, Deserialize)]
        struct Held {
            #[serde(deserialize_with = "NextStep::stored")]
            step: NextStep,
        }
        let held = |json: &str| serde_json::from_str::<Held>(&format!("{{\"step\":{json}}}")).map(|held| held.step).ok();
        assert_eq!(held(&serde_json::to_string(&step).unwrap()), Some(step));
        assert_eq!(held("\"rows_wrong\""), Some(NextStep::RowsWrong));
        assert_eq!(held("\"correct it in SYSPRO, in the words of an earlier program\""), Some(NextStep::RowsWrong));
    }
}
