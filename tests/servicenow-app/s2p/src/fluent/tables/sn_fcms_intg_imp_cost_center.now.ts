import '@servicenow/sdk/global'
import { StringColumn, Table } from '@servicenow/sdk/core'

export const sn_fcms_intg_imp_cost_center = Table({
    augments: 'sn_fcms_intg_imp_cost_center',
    schema: {
        x_acme_tieline_source_key: StringColumn({ label: 'Source key', maxLength: 120 }),
        x_acme_tieline_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
    },
})
