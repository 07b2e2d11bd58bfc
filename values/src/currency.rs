//! ISO 4217: the number of decimals of a currency's amounts.

/// The currencies of ISO 4217's list one, by their decimals. Codes without decimals of their own (gold, special drawing rights, testing)
/// are not included: an amount in one keeps its digits.
const MINOR_UNITS: &[(u32, &str)] = &[
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP \
         COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR \
         JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK \
         NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT \
         TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG ZWL",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// The decimals of an amount in the currency; `None` for a code that ISO 4217 does not list, or lists without decimals.
pub fn minor_units(code: &str) -> Option<u32> {
    let code: &[u8; 3] = code.as_bytes().try_into().ok()?;
    // each code takes three bytes, and a space
    let lists = |codes: &str| codes.as_bytes().chunks(4).any(|listed| listed.starts_with(code));
    MINOR_UNITS.iter().find(|(_, codes)| lists(codes)).map(|(places, _)| *places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_currency_is_in_the_list_once() {
        let mut all: Vec<&str> = MINOR_UNITS.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        assert!(all.iter().all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())), "{all:?}");
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(count > 165, "{count}");
    }

    #[test]
    fn decimals_are_those_of_the_standard() {
        for (code, places) in [("EUR", 2), ("ZAR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("TND", 3), ("CLF", 4), ("HUF", 2)] {
            assert_eq!(minor_units(code), Some(places), "{code}");
        }
        for code in ["", "R", "$", "eur", "XAU", "XXX", "EUR "] {
            assert_eq!(minor_units(code), None, "{code}");
        }
    }
}
