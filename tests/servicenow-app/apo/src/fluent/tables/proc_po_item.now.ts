import '@servicenow/sdk/global'
import { DecimalColumn, StringColumn, Table } from '@servicenow/sdk/core'

export const proc_po_item = Table({
    augments: 'proc_po_item',
    schema: {
        x_acme_tieline_source_key: StringColumn({ label: 'Source key', maxLength: 120, unique: true }),
        x_acme_tieline_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
        x_acme_tieline_line: StringColumn({ label: 'Line', maxLength: 40 }),
        x_acme_tieline_line_type: StringColumn({ label: 'Line type', maxLength: 40 }),
        x_acme_tieline_charge_value: DecimalColumn({ label: 'Charge value', scale: 4 }),
    },
})
