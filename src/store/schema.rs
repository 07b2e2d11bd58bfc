//! The tables of the ledger as the migrations create them. `tests/it/schema.rs` generates this file; do not edit it.

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    aligned_row (company, entity, sys_id) {
        company -> Text,
        entity -> Text,
        sys_id -> Text,
        updated_at -> Nullable<Timestamptz>,
        fields -> Text,
        source_key -> Text,
        natural_key -> Nullable<Text>,
        document_id -> Nullable<BigInt>,
        of_other -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    alignment (company, entity) {
        company -> Text,
        entity -> Text,
        seen_to -> Nullable<Timestamptz>,
        swept_at -> Nullable<Timestamptz>,
        adopted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    api_key (id) {
        id -> BigInt,
        name -> Text,
        role -> Text,
        prefix -> Text,
        hash -> Binary,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        person -> Nullable<Text>,
        end_set_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    approval (id) {
        id -> BigInt,
        kind -> Text,
        subject -> Text,
        asked_by -> Text,
        why -> Text,
        asked_at -> Timestamptz,
        expires_at -> Timestamptz,
        state -> Text,
        answered_by -> Nullable<Text>,
        answered_at -> Nullable<Timestamptz>,
        answer -> Nullable<Text>,
        effect -> Text,
        digest -> Text,
        scope -> Text,
        execution -> Nullable<Uuid>,
        used_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    approval_record (approval_id, document_id) {
        approval_id -> BigInt,
        document_id -> BigInt,
        version -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    audit_day (day) {
        day -> Date,
        manifest -> Text,
        signature -> Text,
        made_at -> Timestamptz,
        former_signature -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    audit_key (fingerprint) {
        fingerprint -> Text,
        public_key -> Text,
        made_at -> Timestamptz,
        first_day -> Nullable<Date>,
        last_day -> Nullable<Date>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    audit_leaf (leaf) {
        leaf -> BigInt,
        event_id -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    audit_outside (day, place) {
        day -> Date,
        place -> Text,
        tries -> Integer,
        not_before -> Timestamptz,
        done_at -> Nullable<Timestamptz>,
        said -> Nullable<Text>,
        token -> Nullable<Binary>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    audit_seal (id) {
        id -> BigInt,
        from_xid -> BigInt,
        to_xid -> BigInt,
        rows -> BigInt,
        previous -> Binary,
        hash -> Binary,
        at -> Timestamptz,
        life -> Integer,
        mark -> Nullable<Text>,
        removed_at -> Nullable<Timestamptz>,
        archive -> Nullable<Text>,
        archive_sha256 -> Nullable<Binary>,
        first_leaf -> Nullable<BigInt>,
        last_leaf -> Nullable<BigInt>,
        day -> Nullable<Date>,
        peaks -> Nullable<Binary>,
        from_id -> Nullable<BigInt>,
        to_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    awaited_parent (document_id, entity, key) {
        document_id -> BigInt,
        company -> Text,
        entity -> Text,
        key -> Text,
        absent_since -> Nullable<Timestamptz>,
        absent_why -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    backfill (id) {
        id -> BigInt,
        company -> Text,
        entity -> Text,
        since -> Nullable<Date>,
        until -> Nullable<Date>,
        state -> Text,
        requested_by -> Text,
        why -> Text,
        asked_at -> Timestamptz,
        position -> Nullable<Jsonb>,
        read -> BigInt,
        new -> BigInt,
        changed -> BigInt,
        unchanged -> BigInt,
        last_progress_at -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        tries -> Integer,
        not_before -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        ended_by -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    base_version (document_id) {
        document_id -> BigInt,
        version -> Integer,
        fields -> Jsonb,
        again -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    close_change (id) {
        id -> BigInt,
        company -> Text,
        number -> Integer,
        document_id -> BigInt,
        entity -> Text,
        key -> Text,
        version -> Integer,
        kind -> Text,
        state -> Text,
        run_id -> Uuid,
        found_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    close_period (company, number) {
        company -> Text,
        number -> Integer,
        state -> Text,
        frozen -> Bool,
        since -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    close_reason (id) {
        id -> BigInt,
        company -> Text,
        number -> Integer,
        entity -> Text,
        block -> Text,
        document_key -> Text,
        record_key -> Text,
        kind -> Text,
        field -> Text,
        cause -> Text,
        amount -> Nullable<Numeric>,
        item_id -> BigInt,
        at -> Timestamptz,
        actor -> Text,
        why -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    close_step (id) {
        id -> BigInt,
        company -> Text,
        number -> Integer,
        step -> Text,
        at -> Timestamptz,
        actor -> Text,
        why -> Text,
        tie_out_id -> Nullable<BigInt>,
        tie_out_at -> Nullable<Timestamptz>,
        sums -> Jsonb,
        reasons -> Jsonb,
        run_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    conflict (id) {
        id -> BigInt,
        company -> Text,
        entity -> Text,
        subject -> Text,
        document_id -> Nullable<BigInt>,
        key -> Text,
        sys_id -> Nullable<Text>,
        field -> Text,
        source -> Nullable<Text>,
        kind -> Text,
        state -> Text,
        agreed -> Nullable<Text>,
        syspro -> Text,
        syspro_at -> Nullable<Timestamptz>,
        servicenow -> Text,
        servicenow_at -> Nullable<Timestamptz>,
        side -> Nullable<Text>,
        decided_by -> Nullable<Text>,
        decided_at -> Nullable<Timestamptz>,
        why -> Nullable<Text>,
        opened_at -> Timestamptz,
        changed_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
        outcome -> Nullable<Text>,
        said -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    console_session (token_hash) {
        token_hash -> Binary,
        api_key_id -> Nullable<BigInt>,
        opened_at -> Timestamptz,
        used_at -> Timestamptz,
        expires_at -> Timestamptz,
        person_id -> Nullable<BigInt>,
        role -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    credential (name) {
        name -> Text,
        username -> Text,
        key_id -> Text,
        nonce -> Binary,
        ciphertext -> Binary,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    definition (number) {
        number -> Integer,
        hash -> Text,
        mapper -> Integer,
        profile -> Text,
        carried -> Array<Text>,
        files -> Jsonb,
        known_since -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    definition_in_force (one) {
        one -> Bool,
        number -> Integer,
        since -> Timestamptz,
        adopted_by -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    definition_mapping (definition, company, entity) {
        definition -> Integer,
        company -> Text,
        entity -> Text,
        number -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    definition_node (node) {
        node -> Text,
        number -> Integer,
        at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    delivery (id) {
        id -> BigInt,
        document_id -> BigInt,
        version -> Integer,
        block -> Text,
        record_key -> Text,
        action -> Text,
        payload -> Text,
        payload_hash -> Binary,
        refs -> Nullable<Text>,
        expects -> Nullable<Text>,
        created_at -> Timestamptz,
        run_id -> Nullable<Uuid>,
        mapping -> Nullable<Integer>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    document (id) {
        id -> BigInt,
        company -> Text,
        entity -> Text,
        key -> Text,
        version -> Integer,
        hash -> Binary,
        deleted -> Bool,
        amount -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        dated -> Nullable<Date>,
        mapping -> Integer,
        reading -> Integer,
        fiscal_periods -> Nullable<Array<Integer>>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    document_count (company, entity) {
        company -> Text,
        entity -> Text,
        documents -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    downstream (document_id, block, record_key) {
        document_id -> BigInt,
        block -> Text,
        record_key -> Text,
        delivery_id -> BigInt,
        company -> Text,
        entity -> Text,
        state -> Text,
        said -> Nullable<Text>,
        arrived_at -> Timestamptz,
        checks -> Integer,
        next_check -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        replays -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    enet_session (operator) {
        operator -> Text,
        holder -> Text,
        lease_until -> Timestamptz,
        key_id -> Nullable<Text>,
        nonce -> Nullable<Binary>,
        ciphertext -> Nullable<Binary>,
        opening -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    event (id) {
        id -> BigInt,
        at -> Timestamptz,
        xid -> BigInt,
        life -> Integer,
        kind -> Text,
        company -> Nullable<Text>,
        entity -> Nullable<Text>,
        batch_id -> Nullable<Uuid>,
        run_id -> Nullable<Uuid>,
        actor -> Text,
        documents -> Array<BigInt>,
        records -> Integer,
        line -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    fiscal_calendar (company) {
        company -> Text,
        read_at -> Timestamptz,
        current -> Nullable<Integer>,
        problem -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    fiscal_calendar_period (company, number) {
        company -> Text,
        number -> Integer,
        ends -> Date,
        status -> Text,
        open -> Nullable<Bool>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    flow (company, entity) {
        company -> Text,
        entity -> Text,
        watermark -> Nullable<Date>,
        position -> Nullable<Jsonb>,
        paused_at -> Nullable<Timestamptz>,
        paused_by -> Nullable<Text>,
        stopped -> Nullable<Text>,
        kinds -> Nullable<Jsonb>,
        holder -> Nullable<Text>,
        epoch -> BigInt,
        lease_until -> Nullable<Timestamptz>,
        last_progress_at -> Nullable<Timestamptz>,
        last_success_at -> Nullable<Timestamptz>,
        last_sweep_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        last_error_at -> Nullable<Timestamptz>,
        sizes -> Nullable<Jsonb>,
        last_error_lasts -> Bool,
        whole_next -> Bool,
        accepted_audit -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    former_record (document_id, block, record_key, target_table) {
        document_id -> BigInt,
        block -> Text,
        record_key -> Text,
        target_table -> Text,
        sys_id -> Text,
        version -> Integer,
        delivery_id -> BigInt,
        confirmed_at -> Timestamptz,
        own_row -> Bool,
        partial -> Nullable<Array<Text>>,
        mapping -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    hold (document_id) {
        document_id -> BigInt,
        held_by -> Text,
        held_at -> Timestamptz,
        why -> Text,
        locked_period -> Nullable<Integer>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    idempotency (caller, key) {
        caller -> Text,
        key -> Text,
        request -> Binary,
        status -> Nullable<Integer>,
        answer -> Nullable<Text>,
        asked_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    intent (batch_id) {
        batch_id -> Uuid,
        node -> Text,
        incarnation -> Uuid,
        entity -> Text,
        block -> Text,
        records -> Integer,
        claimed_at -> Timestamptz,
        lease_until -> Timestamptz,
        deliveries -> Array<BigInt>,
        taken -> Array<BigInt>,
        documents -> Array<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    ledger_day (day) {
        day -> Date,
        at -> Timestamptz,
        bytes -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    ledger_life (number) {
        number -> Integer,
        id -> Uuid,
        system_identifier -> Nullable<BigInt>,
        database_oid -> Nullable<BigInt>,
        table_oid -> Nullable<BigInt>,
        began_at -> Timestamptz,
        why -> Nullable<Text>,
        compared_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    mapping (company, entity, number) {
        company -> Text,
        entity -> Text,
        number -> Integer,
        hash -> Text,
        #[sql_name = "columns"]
        columns_ -> Nullable<Jsonb>,
        places -> Jsonb,
        known_since -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    mapping_count (company, entity, number) {
        company -> Text,
        entity -> Text,
        number -> Integer,
        documents -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    node (incarnation) {
        incarnation -> Uuid,
        name -> Text,
        seen_at -> Timestamptz,
        batch_size -> Integer,
        concurrency -> Integer,
        breaker -> Text,
        paused_until -> Timestamptz,
        definition -> Nullable<Integer>,
        pause_asked -> Nullable<Double>,
        pause_said -> Nullable<Text>,
        pause_began -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    node_settings (node) {
        node -> Text,
        fingerprint -> Text,
        settings -> Jsonb,
        since -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    notice (id) {
        id -> BigInt,
        event -> Text,
        company -> Nullable<Text>,
        entity -> Nullable<Text>,
        cause -> Nullable<Text>,
        count -> BigInt,
        examples -> Text,
        found_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    notice_delivery (notice_id, channel) {
        notice_id -> BigInt,
        channel -> Text,
        state -> Text,
        tries -> Integer,
        not_before -> Timestamptz,
        said -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    notice_message (id) {
        id -> BigInt,
        channel -> Text,
        notices -> BigInt,
        sent_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    notice_position (xid, life) {
        xid -> BigInt,
        life -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    notice_standing (event, subject) {
        event -> Text,
        subject -> Text,
        since -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    outbox (document_id, id) {
        document_id -> BigInt,
        id -> BigInt,
        company -> Text,
        entity -> Text,
        block -> Text,
        version -> Integer,
        ready -> Bool,
        known -> Bool,
        run_id -> Uuid,
        queued_at -> Timestamptz,
        deliveries -> Array<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    pending (delivery_id) {
        delivery_id -> BigInt,
        document_id -> BigInt,
        company -> Text,
        entity -> Text,
        version -> Integer,
        block -> Text,
        record_key -> Text,
        own_state -> Text,
        reason -> Nullable<Text>,
        message -> Nullable<Text>,
        field -> Nullable<Text>,
        next_step -> Nullable<Text>,
        attempts -> Integer,
        not_before -> Timestamptz,
        since -> Timestamptz,
        sent_at -> Nullable<Timestamptz>,
        batch_id -> Nullable<Uuid>,
        run_id -> Nullable<Uuid>,
        first_failed_at -> Nullable<Timestamptz>,
        queued_at -> Timestamptz,
        failed_lookups -> Integer,
        state -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    person (id) {
        id -> BigInt,
        issuer -> Text,
        subject -> Text,
        name -> Text,
        role -> Text,
        first_signed_in_at -> Timestamptz,
        last_signed_in_at -> Timestamptz,
        freed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    record (document_id, block, record_key) {
        document_id -> BigInt,
        block -> Text,
        record_key -> Text,
        sys_id -> Text,
        target_table -> Text,
        version -> Integer,
        delivery_id -> BigInt,
        confirmed_at -> Timestamptz,
        own_row -> Bool,
        partial -> Nullable<Array<Text>>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    restored_part (life, company, entity, block, target_table) {
        life -> Integer,
        company -> Text,
        entity -> Text,
        block -> Text,
        target_table -> Text,
        state -> Text,
        after -> Text,
        hidden -> BigInt,
        said -> Nullable<Text>,
        adopted -> BigInt,
        again -> BigInt,
        unknown -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    restored_row (life, company, entity, block, target_table, sys_id) {
        life -> Integer,
        company -> Text,
        entity -> Text,
        block -> Text,
        source_key -> Text,
        sys_id -> Text,
        target_table -> Text,
        version -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    run (id) {
        id -> Uuid,
        company -> Text,
        entity -> Text,
        kind -> Text,
        requested_by -> Text,
        reason -> Nullable<Text>,
        started_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        outcome -> Nullable<Text>,
        error -> Nullable<Text>,
        read -> BigInt,
        new -> BigInt,
        changed -> BigInt,
        unchanged -> BigInt,
        deleted -> BigInt,
        sent -> BigInt,
        confirmed -> BigInt,
        records -> BigInt,
        delivered -> BigInt,
        replaced -> BigInt,
        parts -> BigInt,
        parts_replaced -> BigInt,
        definition -> Nullable<Integer>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    run_count (id) {
        id -> BigInt,
        run_id -> Uuid,
        read -> BigInt,
        new -> BigInt,
        changed -> BigInt,
        unchanged -> BigInt,
        deleted -> BigInt,
        records -> BigInt,
        delivered -> BigInt,
        replaced -> BigInt,
        parts -> BigInt,
        sent -> BigInt,
        confirmed -> BigInt,
        parts_replaced -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    sending_resumed (one) {
        one -> Bool,
        at -> Timestamptz,
        resumed_by -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    sign_in_attempt (token_hash) {
        token_hash -> Binary,
        used_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    sweep_seen (run_id, document_id) {
        run_id -> Uuid,
        document_id -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    task (id) {
        id -> BigInt,
        kind -> Text,
        subject -> Text,
        company -> Text,
        entity -> Text,
        key -> Nullable<Text>,
        cause -> Nullable<Text>,
        records -> BigInt,
        title -> Text,
        description -> Text,
        content -> Text,
        opened_at -> Timestamptz,
        resolved_at -> Nullable<Timestamptz>,
        state -> Text,
        correlation -> Text,
        sys_id -> Nullable<Text>,
        number -> Nullable<Text>,
        sent -> Nullable<Text>,
        sent_at -> Nullable<Timestamptz>,
        checked_at -> Nullable<Timestamptz>,
        tries -> Integer,
        next_at -> Timestamptz,
        taken_until -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        failed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out (id) {
        id -> BigInt,
        requested_by -> Text,
        why -> Nullable<Text>,
        state -> Text,
        started_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        definition -> Nullable<Integer>,
        companies -> Array<Text>,
        entities -> Array<Text>,
        year -> Nullable<Integer>,
        period -> Nullable<Integer>,
        fresh -> Bool,
        scheduled_for -> Nullable<Timestamptz>,
        result -> Nullable<Text>,
        open_items -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_answer (company, entity, number) {
        company -> Text,
        entity -> Text,
        number -> Integer,
        address -> Text,
        digest -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_block (tie_out_id, company, entity, block) {
        tie_out_id -> BigInt,
        company -> Text,
        entity -> Text,
        block -> Text,
        tables -> Array<Text>,
        not_compared -> Array<Text>,
        unverified -> Nullable<Text>,
        unread -> Bool,
        left_out -> Nullable<Text>,
        watermark -> Nullable<Date>,
        without_period -> BigInt,
        listed_at -> Nullable<Timestamptz>,
        summed_groups -> Nullable<Integer>,
        not_summed -> Nullable<Text>,
        read_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_bucket (id) {
        id -> BigInt,
        tie_out_id -> BigInt,
        company -> Text,
        entity -> Text,
        block -> Text,
        year -> Nullable<Integer>,
        period -> Nullable<Integer>,
        currency -> Text,
        syspro_records -> BigInt,
        syspro_amount -> Nullable<Numeric>,
        ledger_records -> BigInt,
        ledger_amount -> Nullable<Numeric>,
        gone_records -> BigInt,
        gone_amount -> Nullable<Numeric>,
        servicenow_records -> BigInt,
        servicenow_amount -> Nullable<Numeric>,
        open_items -> BigInt,
        timing_items -> BigInt,
        explained -> Nullable<Numeric>,
        verdict -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_control (tie_out_id, company, entity, number) {
        tie_out_id -> BigInt,
        company -> Text,
        entity -> Text,
        number -> Integer,
        name -> Text,
        checked -> BigInt,
        violated -> BigInt,
        unchecked -> BigInt,
        left_out -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_found (company, entity, block, target_table, sys_id) {
        company -> Text,
        entity -> Text,
        block -> Text,
        document_key -> Text,
        record_key -> Text,
        year -> Nullable<Integer>,
        period -> Nullable<Integer>,
        currency -> Text,
        amount -> Nullable<Numeric>,
        fields -> Text,
        sys_id -> Text,
        target_table -> Text,
        updated_by -> Nullable<Text>,
        updated_at -> Nullable<Text>,
        nth -> Integer,
        supplier -> Nullable<Text>,
        account -> Nullable<Text>,
        document_type -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_group (id) {
        id -> BigInt,
        tie_out_id -> BigInt,
        company -> Text,
        entity -> Text,
        block -> Text,
        year -> Nullable<Integer>,
        period -> Nullable<Integer>,
        currency -> Text,
        grouped_by -> Text,
        value -> Text,
        syspro_records -> BigInt,
        syspro_amount -> Nullable<Numeric>,
        gone_records -> BigInt,
        gone_amount -> Nullable<Numeric>,
        servicenow_records -> BigInt,
        servicenow_amount -> Nullable<Numeric>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_item (id) {
        id -> BigInt,
        tie_out_id -> BigInt,
        company -> Text,
        entity -> Text,
        block -> Text,
        document_key -> Text,
        record_key -> Text,
        year -> Nullable<Integer>,
        period -> Nullable<Integer>,
        currency -> Text,
        amount -> Nullable<Numeric>,
        kind -> Text,
        field -> Nullable<Text>,
        syspro_value -> Nullable<Text>,
        servicenow_value -> Nullable<Text>,
        sys_id -> Nullable<Text>,
        target_table -> Nullable<Text>,
        updated_by -> Nullable<Text>,
        updated_at -> Nullable<Text>,
        document_hash -> Nullable<Binary>,
        cause -> Nullable<Text>,
        open -> Bool,
        message -> Nullable<Text>,
        first_seen_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_listing (company, entity, block, target_table) {
        company -> Text,
        entity -> Text,
        block -> Text,
        target_table -> Text,
        asked -> Text,
        vector -> Text,
        returned -> Array<Text>,
        listed_at -> Timestamptz,
        summed_groups -> Nullable<Integer>,
        not_summed -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_read (company, entity) {
        company -> Text,
        entity -> Text,
        tie_out_id -> BigInt,
        basis -> Text,
        snapshot -> Text,
        life -> Integer,
        read_at -> Timestamptz,
        complete -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_row (tie_out_id, company, entity, block, side, document_key, record_key, document_hash, year, period, currency, amount, fields, unmapped, sys_id, target_table, updated_by, updated_at, nth, supplier, account, document_type, differs) {
        tie_out_id -> BigInt,
        company -> Text,
        entity -> Text,
        block -> Text,
        side -> Text,
        document_key -> Text,
        record_key -> Text,
        document_hash -> Nullable<Binary>,
        year -> Nullable<Integer>,
        period -> Nullable<Integer>,
        currency -> Text,
        amount -> Nullable<Numeric>,
        fields -> Text,
        unmapped -> Nullable<Text>,
        sys_id -> Nullable<Text>,
        target_table -> Nullable<Text>,
        updated_by -> Nullable<Text>,
        updated_at -> Nullable<Text>,
        nth -> Integer,
        supplier -> Nullable<Text>,
        account -> Nullable<Text>,
        document_type -> Nullable<Text>,
        differs -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_subledger (tie_out_id, company, account, months_back) {
        tie_out_id -> BigInt,
        company -> Text,
        account -> Text,
        months_back -> Integer,
        branches -> Array<Text>,
        month -> Nullable<Integer>,
        period -> Nullable<Integer>,
        currency -> Text,
        subledger_balance -> Nullable<Numeric>,
        control_balance -> Nullable<Numeric>,
        subledger_movement -> Nullable<Numeric>,
        control_movement -> Nullable<Numeric>,
        unposted_entries -> BigInt,
        unposted_amount -> Numeric,
        not_integrated_entries -> BigInt,
        not_integrated_amount -> Numeric,
        foreign_entries -> BigInt,
        foreign_amount -> Numeric,
        other_currencies -> Array<Text>,
        verdict -> Text,
        why -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_subledger_entry (id) {
        id -> BigInt,
        tie_out_id -> BigInt,
        company -> Text,
        account -> Text,
        kind -> Text,
        period -> Integer,
        journal -> Text,
        source -> Text,
        reference -> Text,
        amount -> Numeric,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    tie_out_violation (id) {
        id -> BigInt,
        tie_out_id -> BigInt,
        company -> Text,
        entity -> Text,
        number -> Integer,
        document_key -> Text,
        record_key -> Text,
        unchecked -> Bool,
        message -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    version (document_id, version_) {
        document_id -> BigInt,
        #[sql_name = "version"]
        version_ -> Integer,
        read_at -> Timestamptz,
        run_id -> Uuid,
        hash -> Binary,
        deleted -> Bool,
        content -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::text::{Jsonb, Text};

    write_back (document_id, field) {
        document_id -> BigInt,
        field -> Text,
        was -> Text,
        wanted -> Text,
        state -> Text,
        called_at -> Timestamptz,
    }
}
