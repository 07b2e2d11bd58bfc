//! Requests to e.net, whatever they hold.

use crate::dataset::{DatasetOptions, generate};
use crate::fuzz::{Target, fuzz};
use crate::syspro::Switches;
use crate::syspro::enet::find::find;
use crate::syspro::enet::xml::Node;

const WORDS: &[&str] = &[
    "<Query>",
    "</Query>",
    "<TableName>",
    "</TableName>",
    "<Where>",
    "</Where>",
    "<Expression>",
    "</Expression>",
    "<OpenBracket>(</OpenBracket>",
    "<CloseBracket>)</CloseBracket>",
    "<AndOr>Or</AndOr>",
    "<Column>Supplier</Column>",
    "<Condition>GT</Condition>",
    "<Value>",
    "</Value>",
    "<OrderBy>",
    "</OrderBy>",
    "<ReturnRows>",
    "</ReturnRows>",
    "ApSupplier",
    "&lt;",
    "<",
    ">",
];

#[test]
fn requests() {
    let database = generate(&DatasetOptions { documents: 26, ..DatasetOptions::default() }).expect("a small company");
    let company = database.company("EDU1").expect("a company");
    let switches = Switches::default();
    let target = Target { name: "sim_enet_request", words: WORDS, seeds: Vec::new(), tries: 150 };
    fuzz(target, |input| match Node::parse(&String::from_utf8_lossy(input)) {
        Ok(request) => {
            let (answer, read) = find(&request, company, &switches);
            format!("{} {}", answer.is_xml(), read.rows.min(2))
        }
        Err(error) => error,
    });
}
