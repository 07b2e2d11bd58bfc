import '@servicenow/sdk/global'
import { StringColumn, Table } from '@servicenow/sdk/core'

export const proc_po = Table({
    augments: 'proc_po',
    schema: {
        x_acme_tieline_source_key: StringColumn({ label: 'Source key', maxLength: 120, unique: true }),
        x_acme_tieline_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
        x_acme_tieline_supplier: StringColumn({ label: 'Supplier', maxLength: 100 }),
        x_acme_tieline_currency: StringColumn({ label: 'Currency', maxLength: 40 }),
    },
})
