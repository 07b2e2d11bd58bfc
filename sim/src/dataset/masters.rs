//! Suppliers, GL accounts, cost centres and the small tables.

use super::calendar::{after, before, fiscal};
use super::currency::{CURRENCIES, LOCAL};
use super::database::EditError;
use super::maker::Maker;
use super::table::Cell;

const FIRST: [&str; 16] = [
    "Atlas",
    "Bergmann",
    "Café",
    "Delta",
    "Échelon",
    "Falcon",
    "Großmann",
    "Highveld",
    "Iberia",
    "Juniper",
    "Karoo",
    "Łomond",
    "Müller",
    "Nordic",
    "Ørsted",
    "Protea",
];
const SECOND: [&str; 10] =
    ["Castings", "Fasteners", "Bearings", "Steel", "Plastics", "Logistics", "Tooling", "Electrical", "Coatings", "Hydraulics"];
const LAST: [&str; 6] = ["(Pty) Ltd", "GmbH", "Inc", "& Sons", "S.A.", "BV"];
const TOWNS: [&str; 8] = ["Cape Town", "Durban", "München", "São Paulo", "Zürich", "Århus", "Montréal", "Johannesburg"];

/// Branch, cost centre, natural account: the sections of a GL code.
const BRANCHES: [&str; 3] = ["10", "20", "30"];
/// Cost centre and its name.
pub(super) const COST_CENTRES: [(&str, &str); 8] = [
    ("100", "Foundry"),
    ("200", "Machining"),
    ("300", "Assembly"),
    ("400", "Paint shop"),
    ("500", "Warehouse"),
    ("600", "Maintenance"),
    ("700", "Sales"),
    ("800", "Administration"),
];
const EXPENSES: [(&str, &str); 8] = [
    ("6010", "Raw material"),
    ("6020", "Consumables"),
    ("6030", "Tooling"),
    ("6040", "Freight inwards"),
    ("6050", "Electricity"),
    ("6060", "Repairs"),
    ("6070", "Professional fees"),
    ("6080", "Duty and levies"),
];

/// AP control account of the branches for suppliers at home.
pub(super) const CONTROL: &str = "10.000.2100";
/// AP control account of the branch for suppliers abroad: what is owed in other currencies is apart.
pub(super) const CONTROL_ABROAD: &str = "10.000.2110";
/// The branch for suppliers abroad.
pub(super) const ABROAD: &str = "40";

/// The AP control account for invoices in this currency.
pub(super) fn control(currency: &str) -> &'static str {
    if currency == LOCAL { CONTROL } else { CONTROL_ABROAD }
}
/// Goods received and not invoiced.
pub(super) const GRN_SUSPENSE: &str = "10.000.2150";
/// Where a line without a GL code ends up.
pub(super) const SUSPENSE: &str = "10.000.2999";
/// Value added tax that is claimed back.
pub(super) const INPUT_TAX: &str = "10.000.2300";
/// Raw material in stock.
pub(super) const STOCK: &str = "10.000.1200";
/// Salaries and wages.
pub(super) const WAGES: &str = "10.800.6100";
/// Depreciation expense.
pub(super) const DEPRECIATION: &str = "10.800.6200";
/// Accumulated depreciation.
pub(super) const DEPRECIATED: &str = "10.000.1900";
/// Bank.
pub(super) const BANK: &str = "10.000.1000";

/// Keys that a careless client handles wrongly: leading zeros, case, a leading space, characters with a meaning in URLs or quoted text.
const SPECIAL: [&str; 12] =
    ["0000010", "042", "42", "Abc01", "ABC01", " 00007", "UTE002", "O'NEIL", "A&B+C", "0000011", "0000012", "000000000149218"];

/// The first supplier without special meaning.
pub(super) const FIRST_ORDINARY: u32 = SPECIAL.len() as u32;

/// How many suppliers a company with N invoices has.
fn supplier_count(documents: u32) -> u32 {
    (documents / 25).clamp(24, 4_000)
}

/// The key of the n-th supplier.
pub(super) fn supplier_key(n: u32) -> String {
    match SPECIAL.get(n as usize) {
        Some(key) => (*key).to_owned(),
        None if n.is_multiple_of(7) => format!("UTE{:04}", n * 3),
        None => format!("{:07}", 100 + n * 10),
    }
}

/// The currency of the n-th supplier.
pub(super) fn supplier_currency(n: u32) -> &'static str {
    match n {
        9 => "$",
        10 => "EUR",
        _ if n > 12 && n.is_multiple_of(9) => "$",
        _ if n > 12 && n.is_multiple_of(11) => "EUR",
        _ => LOCAL,
    }
}

/// A GL code that an invoice line may have.
pub(super) fn expense_code(maker: &mut Maker<'_>) -> String {
    let (branch, (centre, _), (natural, _)) = (maker.pick(&BRANCHES), maker.pick(&COST_CENTRES), maker.pick(&EXPENSES));
    format!("{branch}.{centre}.{natural}")
}

pub(super) fn fill(maker: &mut Maker<'_>, other: &str, documents: u32) -> Result<u32, EditError> {
    small_tables(maker)?;
    let id = maker.company.id.clone();
    accounts(maker, &id, &BRANCHES)?;
    accounts(maker, other, &BRANCHES[..1])?;
    cost_centres(maker, documents)?;
    let count = supplier_count(documents);
    let first = if maker.company.ordinary { FIRST_ORDINARY } else { 0 };
    for n in first..first + count {
        supplier(maker, n)?;
    }
    // never invoiced, so that no row refers to it when it is deleted
    spare_supplier(maker, "ZTEMP0")?;
    Ok(count)
}

fn small_tables(maker: &mut Maker<'_>) -> Result<(), EditError> {
    for (code, description, rate, way) in CURRENCIES {
        maker.company.add(
            "TblCurrency",
            vec![
                ("Currency", code.into()),
                ("Description", description.into()),
                ("BuyExchangeRate", rate.into()),
                ("SellExchangeRate", rate.into()),
                ("BuyMulDiv", way.into()),
                ("SellMulDiv", way.into()),
                ("FixedRate", "N".into()),
                ("TriangReqd", "N".into()),
            ],
        )?;
    }
    for (code, description, rate) in
        [("A", "Standard 15%", 1_500_000), ("Z", "Zero rated", 0), ("E", "Exempt", 0), ("I", "Imports 15%", 1_500_000)]
    {
        let row = vec![
            ("TaxCode", code.into()),
            ("Description", description.into()),
            ("CurTaxRate", rate.into()),
            ("PrvTaxRate", (rate / 15 * 14).into()),
            ("TaxEffDate", maker.days_ago(900).into()),
            ("TaxBasis", "E".into()),
            ("ApTaxGlCode", "10.000.2300".into()),
        ];
        maker.company.add("AdmTax", row)?;
    }
    for (branch, description, control) in
        [("10", "Head office", CONTROL), ("20", "Coast", CONTROL), ("30", "Export", CONTROL), (ABROAD, "Suppliers abroad", CONTROL_ABROAD)]
    {
        let row = vec![
            ("Branch", branch.into()),
            ("Description", description.into()),
            ("ApBrnGlCode", control.into()),
            ("PoPrefix", "".into()),
            ("PoNextNumber", 900_000.into()),
            ("GrnNextNumber", 900_000.into()),
        ];
        maker.company.add("ApBranch", row)?;
    }
    for (code, description) in [("30", "30 days"), ("60", "60 days"), ("CS", "Cash"), ("7", "7 days")] {
        maker.company.add("TblApTerms", vec![("TermsCode", code.into()), ("Description", description.into())])?;
    }
    for (group, description) in [("BANK", "Bank"), ("CRED", "Creditors"), ("EXP", "Expenses"), ("INV", "Inventory"), ("STAT", "Statistics")]
    {
        maker.company.add("GenGroups", vec![("GlGroup", group.into()), ("Description", description.into())])?;
    }
    let (year, period) = fiscal(maker.today);
    let start = |year: i64| chrono::NaiveDate::from_ymd_opt(i32::try_from(year - 1).unwrap_or(2000), 7, 1).unwrap_or(maker.today);
    let mut row: Vec<(String, Cell)> = vec![
        ("Company".to_owned(), maker.company.id.as_str().into()),
        ("GlYear".to_owned(), year.into()),
        ("GlPeriod".to_owned(), period.into()),
        ("CurYrNxtJnl".to_owned(), 90_000.into()),
        ("AuthoriseJournals".to_owned(), "N".into()),
        ("NextAnalysisEntry".to_owned(), 1_000.into()),
        ("NextJnlNoPeriod".to_owned(), "Y".into()),
    ];
    for (prefix, year, open) in [("CurYr", year, period), ("PrvYr", year - 1, 14)] {
        for n in 1..=13_u32 {
            let end = before(start(year).checked_add_months(chrono::Months::new(n.min(12))).unwrap_or(maker.today), 1);
            let status = if i64::from(n) < open - 2 { "C" } else { "O" };
            row.push((format!("{prefix}PrdStat{n}"), status.into()));
            row.push((format!("{prefix}PrdEnd{n}"), end.into()));
        }
    }
    maker.company.add("GenControl", row.iter().map(|(name, cell)| (name.as_str(), cell.clone())).collect())
}

fn accounts(maker: &mut Maker<'_>, company: &str, branches: &[&str]) -> Result<(), EditError> {
    let mut all: Vec<(String, String, &str, &str)> = vec![
        (BANK.into(), "Bank, current account".into(), "A", "BANK"),
        (CONTROL.into(), "Creditors control".into(), "L", "CRED"),
        (CONTROL_ABROAD.into(), "Creditors control, other currencies".into(), "L", "CRED"),
        (GRN_SUSPENSE.into(), "Goods received not invoiced".into(), "L", "CRED"),
        (INPUT_TAX.into(), "Input tax".into(), "A", "CRED"),
        (SUSPENSE.into(), "Suspense".into(), "L", "CRED"),
        ("10.000.3000".into(), "Retained income".into(), "C", ""),
        ("10.700.4000".into(), "Sales, local".into(), "R", ""),
        ("1908-00".into(), "Old code with a dash".into(), "E", "EXP"),
        ("1100120".into(), "Old code without a separator".into(), "A", "INV"),
        ("S.HEADCOUNT".into(), "Head count".into(), "S", "STAT"),
        ("T.EXPENSE".into(), "Template of an expense".into(), "T", ""),
        ("FORCED".into(), "".into(), "A", ""),
        ("RETAINED".into(), "".into(), "C", ""),
        ("10.999.6990".into(), "On hold since the reorganisation".into(), "E", "EXP"),
    ];
    if maker.company.ordinary {
        all.extend([
            (STOCK.into(), "Raw material in stock".into(), "A", "INV"),
            (WAGES.into(), "Salaries and wages".into(), "E", "EXP"),
            (DEPRECIATION.into(), "Depreciation".into(), "E", "EXP"),
            (DEPRECIATED.into(), "Accumulated depreciation".into(), "A", "INV"),
        ]);
    }
    for branch in branches {
        for (centre, name) in COST_CENTRES {
            for (natural, what) in EXPENSES {
                all.push((format!("{branch}.{centre}.{natural}"), format!("{what}, {}", name.to_lowercase()), "E", "EXP"));
            }
        }
    }
    for (code, description, kind, group) in all {
        let flag = |on: bool| if on { "Y".into() } else { "N".into() };
        let is_control = code == CONTROL || code == CONTROL_ABROAD;
        // a control account has what AP has, and nothing was open when the year began
        let balance = match maker.random.i64(-9_000_000..9_000_000) {
            _ if is_control => 0,
            balance => balance,
        };
        let row = vec![
            ("Company", company.into()),
            ("GlCode", (&code).into()),
            ("Description", description.into()),
            ("AccountType", kind.into()),
            ("ExpenseType", if kind == "E" { "M".into() } else { "".into() }),
            ("GlGroup", group.into()),
            ("ReportIndex1", code.rsplit('.').next().unwrap_or_default().into()),
            ("ControlAccFlag", flag(is_control || code == GRN_SUSPENSE)),
            ("AccOnHldFlag", flag(code == "10.999.6990")),
            ("AnalysisRequired", flag(code.ends_with(".6070"))),
            ("AnalysisCategory", if code.ends_with(".6070") { "PROJECT".into() } else { "".into() }),
            ("CurrentBalance", balance.into()),
            ("RetEarnsAccount", "10.000.3000".into()),
        ];
        maker.company.add("GenMaster", row)?;
    }
    Ok(())
}

fn cost_centres(maker: &mut Maker<'_>, documents: u32) -> Result<(), EditError> {
    let ordinary = maker.company.ordinary;
    let mut add_both = |code: &str, name: &str| {
        let rate = maker.random.i64(5_000_000..40_000_000);
        maker.company.add(
            "BomCostCentre",
            vec![("CostCentre", code.into()), ("Description", name.into()), ("EstLabRate1", rate.into()), ("ActLabRate1", rate.into())],
        )?;
        maker.company.add(
            "GenAnalysisCode",
            vec![
                ("AnalysisCategory", "CC".into()),
                ("AnalysisType", 1.into()),
                ("AnalysisCode", code.into()),
                ("Description", name.into()),
            ],
        )
    };
    for (code, name) in COST_CENTRES {
        add_both(code, name)?;
    }
    if !ordinary {
        for (code, name) in [("042", "Laboratory"), ("42", "Canteen"), ("Lab", "Pilot plant"), ("LAB", "Quality – Prüflabor")] {
            add_both(code, name)?;
        }
    }
    // public is a query object for those of the asset register and no table: this is what a site might expose
    for (code, name) in [("PLANT-1", "Plant and machinery"), ("PLANT-01", "Vehicles"), ("07", "Buildings"), ("7", "Land")] {
        maker.company.add("AssetCostCentre", vec![("CostCentre", code.into()), ("Description", name.into())])?;
    }
    // exactly as many as one answer can hold, where the company is large
    let projects = if documents >= 5_000 { 5_000 - 12 } else { 20 };
    for n in 0..projects {
        let row = vec![
            ("AnalysisCategory", "PROJECT".into()),
            ("AnalysisType", (n % 5 + 1).into()),
            ("AnalysisCode", format!("P{n:05}").into()),
            ("Description", format!("Project {n}").into()),
        ];
        maker.company.add("GenAnalysisCode", row)?;
    }
    Ok(())
}

fn supplier(maker: &mut Maker<'_>, n: u32) -> Result<(), EditError> {
    let key = supplier_key(n);
    let name = match n {
        0 => "Œuvre d’Acier – €uro “Best”".to_owned(),
        8 => "A & B <Trading>".to_owned(),
        _ => format!("{} {} {}", maker.pick(&FIRST).replace('Ł', "L"), maker.pick(&SECOND), maker.pick(&LAST)),
    };
    let town = maker.pick(&TOWNS);
    let email = if n % 10 == 4 { String::new() } else { format!("accounts{n}@supplier.example") };
    let balance = maker.random.i64(0..50_000_000);
    let added = maker.random.u64(30..2_000);
    let number = maker.random.u32(100..999);
    let row = vec![
        ("Supplier", (&key).into()),
        ("SupplierName", (&name).into()),
        ("SupShortName", name.chars().take(12).collect::<String>().to_uppercase().into()),
        ("SupplierType", "L".into()),
        ("SupplierClass", ["A", "B", ""][n as usize % 3].into()),
        ("Branch", ["10", "20", "30"][n as usize % 3].into()),
        ("Bank", "MAIN".into()),
        ("Currency", supplier_currency(n).into()),
        ("TermsCode", ["30", "60", "7"][n as usize % 3].into()),
        ("Telephone", format!("+27 21 555 {number:04}").into()),
        ("Contact", ["T. Nkosi", "M. Björk", "", "J. O’Brien"][n as usize % 4].into()),
        ("Email", (&email).into()),
        ("RemitEmail", email.into()),
        ("Nationality", "ZA".into()),
        ("CurrentBalance", balance.into()),
        ("DateSuppAdded", maker.days_ago(added).into()),
        ("LastPurchDate", maker.days_ago(added.min(20)).into()),
        ("OnHold", if n == 6 || n % 40 == 39 { "Y".into() } else { ["N", ""][n as usize % 2].into() }),
        ("PurchOrdAllowed", "Y".into()),
        ("GrnMatchReqd", "Y".into()),
        ("PayByEft", "Y".into()),
        ("MerchGlCode", "10.100.6010".into()),
        ("FreightGlCode", "10.500.6040".into()),
        ("TaxRegnNum", format!("4{:09}", 120_000_000 + n).into()),
        ("DefTaxCode", "A".into()),
        ("BankAccount", format!("{:010}", 62_000_000_u64 + u64::from(n)).into()),
        ("LanguageCode", "EN".into()),
        ("SupplierChName", (&name).into()),
        ("YtdPurchValue", balance.into()),
        ("PoEmail", format!("orders{n}@supplier.example").into()),
    ];
    maker.company.add("ApSupplier", row)?;
    let address = vec![
        ("Supplier", (&key).into()),
        ("SupAddr1", format!("{number} Industria Road").into()),
        ("SupAddr2", if n.is_multiple_of(5) { "Unit 7".into() } else { "".into() }),
        ("SupAddr3", town.into()),
        ("SupPostalCode", format!("{:04}", number * 7).into()),
        ("RemitName", name.into()),
        ("RemitAddr1", format!("P.O. Box {number}").into()),
        ("RemitAddr3", town.into()),
        ("LanguageCode", "EN".into()),
    ];
    maker.company.add("ApSupplierAddr", address)?;
    let extra = vec![("Supplier", (&key).into()), ("CreditLimit", 100_000_000.into()), ("OutstandingPo", (balance / 3).into())];
    maker.company.add("ApSupplierExt", extra)?;
    if n % 12 == 5 {
        let change = vec![
            ("JnlDate", maker.days_ago(u64::from(n % 200)).into()),
            ("JnlTime", i64::from(8_450_000 + n).into()),
            ("JnlLine", 1.into()),
            ("Supplier", (&key).into()),
            ("JournalPrinted", "N".into()),
            ("ChangeFlag", "C".into()),
            ("ColumnName", "TermsCode".into()),
            ("Before", "30".into()),
            ("After", "60".into()),
            ("OperatorCode", "ADMIN".into()),
        ];
        maker.company.add("ApAmendmentJnl", change)?;
    }
    Ok(())
}

/// A supplier that nothing refers to.
pub(super) fn spare_supplier(maker: &mut Maker<'_>, key: &str) -> Result<(), EditError> {
    let row = vec![
        ("Supplier", key.into()),
        ("SupplierName", "Once only".into()),
        ("Branch", "10".into()),
        ("Currency", LOCAL.into()),
        ("TermsCode", "CS".into()),
        ("DateSuppAdded", maker.today.into()),
        ("OnHold", "N".into()),
    ];
    maker.company.add("ApSupplier", row)?;
    maker.company.add("ApSupplierAddr", vec![("Supplier", key.into()), ("SupAddr1", "Nowhere".into())])
}

/// When an invoice with these terms is due.
pub(super) fn due(n: u32, invoiced: chrono::NaiveDate) -> chrono::NaiveDate {
    after(invoiced, [30, 60, 7][n as usize % 3])
}
