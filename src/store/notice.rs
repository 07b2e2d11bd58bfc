//! Notices: found in the audit, and kept until every channel has sent them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable};

use super::schema::notice;
use super::{Store, StoreError};
use crate::domain::FlowId;
use crate::domain::ids::NoticeId;
use crate::domain::notice::NoticeEvent;
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// A notice: something that people are notified of.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(table_name = notice, check_for_backend(Pg))]
pub struct Notice {
    /// Its number.
    pub id: NoticeId,
    /// The event.
    pub event: NoticeEvent,
    /// The company.
    pub company: Option<String>,
    /// The entity.
    pub entity: Option<String>,
    /// The cause, where the records share one.
    pub cause: Option<String>,
    /// The number of records.
    pub count: i64,
    /// The first ten, as a JSON array of objects with `key` and `said`.
    pub examples: String,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// Attempts of this channel to send it, this one included.
    #[diesel(sql_type = Integer)]
    pub tries: i32,
}

/// A condition that lasts until somebody fixes it.
#[derive(Debug, Clone)]
pub struct ActiveCondition {
    /// The event.
    pub event: NoticeEvent,
    /// What it concerns; notified once as long as it lasts.
    pub subject: String,
    /// The description.
    pub said: String,
}

/// Which events go to which channels.
#[derive(Debug, Clone)]
pub struct NoticeRules {
    /// The events that people are notified of.
    pub events: Vec<NoticeEvent>,
    /// The channels.
    pub channels: Vec<String>,
    /// Hours without a successful run after which a flow counts as stale.
    pub stale_hours: u32,
    /// How many days before its end a key is notified.
    pub key_notice_days: u32,
    /// The flows of the configuration.
    pub flows: Vec<FlowId>,
}

/// The result of sending a channel's message.
#[derive(Debug, Clone)]
pub enum SendResult {
    /// The receiver accepted it; holds its answer.
    Sent(String),
    /// It is sent again after this time.
    Again(String, Duration),
    /// The channel gives it up.
    Failed(String),
}

impl Store {
    /// Finds what is new in the audit since the last time, and which conditions have started.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notice_collect(&self, rules: NoticeRules, conditions: Vec<ActiveCondition>) -> Result<(), StoreError> {
        self.run("find what people are told of", move |conn| {
            let events: Vec<&str> = rules.events.iter().map(|event| event.as_str()).collect();
            prepared(include_str!("sql/notice_collect.sql"))
                .bind::<Array<Text>, _>(&events)
                .bind::<Array<Text>, _>(&rules.channels)
                .execute(conn)?;
            let conditions: Vec<&ActiveCondition> = conditions.iter().filter(|one| rules.events.contains(&one.event)).collect();
            let none: Vec<Option<&str>> = vec![None; conditions.len()];
            prepared(include_str!("sql/notice_standing.sql"))
                .bind::<Array<Text>, _>(conditions.iter().map(|one| one.event.as_str()).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(conditions.iter().map(|one| one.subject.as_str()).collect::<Vec<_>>())
                .bind::<Array<Nullable<Text>>, _>(&none)
                .bind::<Array<Nullable<Text>>, _>(&none)
                .bind::<Array<Text>, _>(conditions.iter().map(|one| one.said.as_str()).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(&events)
                .bind::<Integer, _>(i32::try_from(rules.stale_hours).unwrap_or(i32::MAX))
                .bind::<Array<Text>, _>(&rules.channels)
                .bind::<Array<Text>, _>(rules.flows.iter().map(|flow| flow.company.as_str()).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(rules.flows.iter().map(|flow| flow.entity.as_str()).collect::<Vec<_>>())
                .bind::<Integer, _>(i32::try_from(rules.key_notice_days).unwrap_or(i32::MAX))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Takes what a channel must send now: nothing while its digest waits, or when the limit of this hour is reached.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notice_take(&self, channel: String, most_per_hour: u32, digest_minutes: u32) -> Result<Vec<Notice>, StoreError> {
        self.run("take what a channel is to tell", move |conn| {
            Ok(prepared(include_str!("sql/notice_take.sql"))
                .bind::<Text, _>(&channel)
                .bind::<BigInt, _>(i64::from(most_per_hour))
                .bind::<Integer, _>(i32::try_from(digest_minutes).unwrap_or(i32::MAX))
                .load(conn)?)
        })
        .await
    }

    /// Stores the result of sending a channel's message.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notice_sent(&self, channel: String, notices: Vec<NoticeId>, result: SendResult) -> Result<(), StoreError> {
        self.run("store what a channel told", move |conn| {
            let (state, said, wait) = match &result {
                SendResult::Sent(said) => ("sent", said, Duration::ZERO),
                SendResult::Again(said, wait) => ("due", said, *wait),
                SendResult::Failed(said) => ("failed", said, Duration::ZERO),
            };
            prepared(include_str!("sql/notice_sent.sql"))
                .bind::<Text, _>(&channel)
                .bind::<Array<BigInt>, _>(notices)
                .bind::<Text, _>(state)
                .bind::<Text, _>(said)
                .bind::<Double, _>(wait.as_secs_f64())
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}
