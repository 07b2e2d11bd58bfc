import '@servicenow/sdk/global'
import { StringColumn, Table } from '@servicenow/sdk/core'

export const sn_spend_intg_imp_invoice_line = Table({
    augments: 'sn_spend_intg_imp_invoice_line',
    schema: {
        x_acme_tieline_source_key: StringColumn({ label: 'Source key', maxLength: 120 }),
        x_acme_tieline_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
        x_acme_tieline_source_state: StringColumn({ label: 'Source state', maxLength: 40 }),
    },
})
