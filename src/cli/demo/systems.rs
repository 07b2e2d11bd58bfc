//! The simulators of the demo.

use tieline_sim::servicenow::ServiceNowSim;
use tieline_sim::syspro::SysproSim;

/// Both simulators.
pub(super) struct Systems {
    pub(super) syspro: SysproSim,
    pub(super) servicenow: ServiceNowSim,
}
