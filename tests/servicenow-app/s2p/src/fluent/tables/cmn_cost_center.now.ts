import '@servicenow/sdk/global'
import { StringColumn, Table } from '@servicenow/sdk/core'

export const cmn_cost_center = Table({
    augments: 'cmn_cost_center',
    schema: {
        x_acme_tieline_source_key: StringColumn({ label: 'Source key', maxLength: 120, unique: true }),
        x_acme_tieline_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
    },
})
