import '@servicenow/sdk/global'
import { BooleanColumn, StringColumn, Table } from '@servicenow/sdk/core'

export const itfm_gl_accounts = Table({
    augments: 'itfm_gl_accounts',
    schema: {
        x_acme_tieline_source_key: StringColumn({ label: 'Source key', maxLength: 120, unique: true }),
        x_acme_tieline_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
        x_acme_tieline_active: BooleanColumn({ label: 'Active' }),
    },
})
