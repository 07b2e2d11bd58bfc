//! The amounts of undelivered purchase orders: the sum of their lines, per currency of the order.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::node::Node;
use crate::support::source;
use crate::support::world::{COMPANY, World};

fn run(world: &World, arguments: &[&str]) -> String {
    let out = world.command(arguments).output().unwrap();
    assert!(matches!(out.status.code(), Some(0 | 3)), "{arguments:?}: {}", text(&out));
    String::from_utf8(out.stdout).unwrap()
}

fn causes(world: &World) -> Vec<Value> {
    let said = run(world, &["failures", "--causes", "--entity", "purchase_order", "--output", "json"]);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// What each order is worth in its own currency, added up from SYSPRO's lines, with the kinds of its lines.
fn worth(world: &World) -> BTreeMap<String, (String, Decimal, BTreeSet<String>)> {
    let order = |c: &dyn Fn(&str) -> tieline_sim::dataset::Cell| (c("PurchaseOrder").text().to_owned(), c("Currency").text().to_owned());
    let mut orders: BTreeMap<_, _> = source::rows(&world.syspro, COMPANY, "PorMasterHdr", order)
        .into_iter()
        .map(|(number, currency)| (number, (currency, Decimal::ZERO, BTreeSet::new())))
        .collect();
    source::rows(&world.syspro, COMPANY, "PorMasterDetail", |c| {
        let Some((_, sum, kinds)) = orders.get_mut(c("PurchaseOrder").text()) else { return };
        kinds.insert(c("LineType").text().to_owned());
        let factor = Decimal::new(c("MConvFactPrcUm").number(), 6);
        let price = Decimal::new(c("MForeignPrice").number(), 5) * Decimal::new(c("MOrderQty").number(), 6);
        let price = if c("MPriceUom").text() == c("MOrderUom").text() { price } else { price / factor };
        *sum += match c("LineType").text() {
            "1" | "7" => price * (Decimal::ONE_HUNDRED - Decimal::new(c("MDiscPct1").number(), 2)) / Decimal::ONE_HUNDRED,
            "4" | "5" => Decimal::new(c("NMscChargeFor").number(), 2),
            _ => Decimal::ZERO,
        };
    });
    for (_, sum, _) in orders.values_mut() {
        *sum = sum.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    }
    orders
}

/// The amounts of all causes: currency to sum and number of orders.
fn at_stake(causes: &[Value]) -> BTreeMap<String, (Decimal, i64)> {
    let amounts = causes.iter().flat_map(|cause| cause["amounts"].as_array().unwrap());
    amounts.fold(BTreeMap::new(), |mut sums, one| {
        let (sum, count) = sums.entry(one["currency"].as_str().unwrap().to_owned()).or_insert((Decimal::ZERO, 0));
        *sum += one["amount"].as_str().unwrap().parse::<Decimal>().unwrap();
        *count += one["documents"].as_i64().unwrap();
        sums
    })
}

/// `1234567.89` as people read it.
fn grouped(amount: Decimal) -> String {
    let text = amount.to_string();
    let (whole, cents) = text.split_once('.').unwrap();
    let digits: Vec<char> = whole.chars().collect();
    let groups = digits.rchunks(3).rev().map(|group| group.iter().collect::<String>());
    format!("{}.{cents}", groups.collect::<Vec<_>>().join(","))
}

#[test]
fn orders_that_fail_show_what_their_lines_add_up_to_in_the_orders_currency() {
    let world = World::start();
    let set = |number: &str, values: &[(&str, &str)]| {
        world.syspro.update(COMPANY, "PorMasterHdr", &[("PurchaseOrder", number)], values).unwrap();
    };
    // codes that are in no list, for orders in foreign and in the company's own currency; one of them has a line without its factor
    let orders = worth(&world);
    let of = |currency: &str| -> Vec<&String> {
        orders.iter().filter(|(_, (own, worth, _))| own == currency && !worth.is_zero()).map(|(number, _)| number).collect()
    };
    let (foreign, own) = ([of("$"), of("EUR")].concat(), of("R"));
    assert!(foreign.len() >= 2 && own.len() >= 4, "{orders:?}");
    let named = |kind: &str| orders.iter().any(|(number, (_, _, kinds))| own.contains(&number) && kinds.contains(kind));
    assert!(["1", "4", "6", "7"].iter().all(|kind| named(kind)), "{orders:?}");
    let mut failed: Vec<(&String, &str)> = Vec::new();
    for (number, code) in foreign.iter().map(|number| (*number, "R2")).chain(own.iter().skip(1).map(|number| (*number, "X-9"))) {
        set(number, &[("Currency", code)]);
        failed.push((number, code));
    }
    let spoilt = own[0];
    set(spoilt, &[("Currency", "X-9")]);
    let line = source::rows(&world.syspro, COMPANY, "PorMasterDetail", |c| {
        (c("PurchaseOrder").text() == spoilt && matches!(c("LineType").text(), "1" | "7")).then(|| c("Line").number().to_string())
    });
    let line = line.into_iter().flatten().next().unwrap();
    let key = [("PurchaseOrder", spoilt.as_str()), ("Line", line.as_str())];
    world.syspro.update(COMPANY, "PorMasterDetail", &key, &[("MPriceUom", "TH"), ("MConvFactPrcUm", "0")]).unwrap();
    run(&world, &["sync", "--sweep", "--entity", "purchase_order"]);

    // two causes by what is wrong, one sum per currency; of the order with the spoilt line nothing is added
    let mut expected: BTreeMap<String, (Decimal, i64)> = BTreeMap::new();
    for (number, code) in &failed {
        let (sum, count) = expected.entry((*code).to_owned()).or_insert((Decimal::ZERO, 0));
        *sum += orders[*number].1;
        *count += 1;
    }
    let found = causes(&world);
    assert_eq!(found.iter().map(|cause| cause["documents"].as_i64().unwrap()).sum::<i64>(), failed.len() as i64 + 1, "{found:?}");
    assert_eq!(at_stake(&found), expected, "{found:?}");

    let said = run(&world, &["failures", "--causes", "--entity", "purchase_order"]);
    for (code, (sum, count)) in &expected {
        let words = format!("{code} {} ({count} records)", grouped(*sum));
        assert!(said.contains("at stake") && said.contains(&words), "{words}: {said}");
    }
    let mut node = Node::new(&world).with("SCHEDULE__PURCHASE_ORDER", "0 0 1 1 *");
    node.start_and_wait(&world);
    let api = node.key(&world);
    let (status, _, body) = ask(&node.site, "GET", "/api/v1/failures/causes?entity=purchase_order", Some(&api), "").unwrap();
    let listed: Value = serde_json::from_str(&body).unwrap();
    assert!(status == 200 && at_stake(listed["items"].as_array().unwrap()) == expected, "{body}");
    let page = Person::sign_in(&node.site, &api).get("/failures?entity=purchase_order").body;
    for (sum, _) in expected.values() {
        assert!(page.contains(&grouped(*sum)), "{sum}: {page}");
    }
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn an_amount_that_the_definition_gains_is_shown_from_the_next_version_or_replay_on_and_sends_nothing_again() {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    // as it was: a date alone
    let shipped = include_str!("../../config/entities/purchase_order.toml");
    let (before, shows) = shipped.split_once("[shows]").unwrap();
    assert!(shows.contains("[shows.amount]"));
    let definitions = world.site.path("definitions");
    std::fs::create_dir_all(definitions.join("entities")).unwrap();
    std::fs::write(definitions.join("entities/purchase_order.toml"), format!("{before}[shows]\ndate = \"OrderEntryDate\"\n")).unwrap();
    let older = |arguments: &[&str]| {
        let out = world.command(arguments).env("TIELINE__DEFINITIONS__DIRECTORY", &definitions).output().unwrap();
        assert!(matches!(out.status.code(), Some(0 | 3)), "{arguments:?}: {}", text(&out));
    };
    for entity in ["cost_center", "gl_account", "supplier", "purchase_order"] {
        older(&["sync", "--entity", entity]);
    }
    let ask = |sql: &str| world.database.psql(sql);
    const AMOUNTS: &str = "SELECT count(*) FILTER (WHERE amount IS NULL), count(*) FILTER (WHERE amount IS NOT NULL) FROM document WHERE entity = 'purchase_order'";
    const SENT: &str = "SELECT count(*), max(l.id), max(l.version) FROM delivery l JOIN document d ON d.id = l.document_id WHERE d.entity = 'purchase_order'";
    let orders = world.syspro.count(COMPANY, "PorMasterHdr").unwrap();
    assert_eq!(ask(AMOUNTS), format!("{orders}|0"));
    let sent = ask(SENT);

    // other definitions by their hash, and no other record
    run(&world, &["sync", "--sweep", "--entity", "purchase_order"]);
    assert_eq!(ask("SELECT count(DISTINCT hash) FROM definition"), "2");
    assert_eq!(ask(SENT), sent);
    assert_eq!(ask(AMOUNTS), format!("{orders}|0"));

    let worth = worth(&world);
    let (number, (_, sum, _)) = worth.iter().find(|(_, (currency, worth, _))| currency == "R" && !worth.is_zero()).unwrap();
    let of = |number: &str| ask(&format!("SELECT amount, currency FROM document WHERE entity = 'purchase_order' AND key = '{number}'"));
    let key = ask(&format!("SELECT key FROM document WHERE entity = 'purchase_order' AND key LIKE '%{}'", number.trim()));
    run(&world, &["replay", "--entity", "purchase_order", "--company", COMPANY, "--key", &key, "--why", "its amount"]);
    assert_eq!(of(&key), format!("{sum}|R"));
    let (other, _) = worth.iter().filter(|(other, _)| *other != number).find(|(other, _)| other.trim() == other.as_str()).unwrap();
    assert_eq!(of(other), "|");
    world.syspro.update(COMPANY, "PorMasterHdr", &[("PurchaseOrder", other)], &[("DeliveryName", "North works")]).unwrap();
    run(&world, &["sync", "--sweep", "--entity", "purchase_order"]);
    assert_ne!(of(other), "|");
}
