import '@servicenow/sdk/global'
import { BooleanColumn, StringColumn, Table } from '@servicenow/sdk/core'

export const cmn_cost_center = Table({
    augments: 'cmn_cost_center',
    schema: {
        x_acme_tieline_source_key: StringColumn({ label: 'Source key', maxLength: 120, unique: true }),
        x_acme_tieline_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
        x_acme_tieline_erp_source: StringColumn({ label: 'ERP source', maxLength: 40 }),
        x_acme_tieline_legal_entity: StringColumn({ label: 'Legal entity', maxLength: 40 }),
        x_acme_tieline_code: StringColumn({ label: 'Code', maxLength: 255 }),
        x_acme_tieline_account_number: StringColumn({ label: 'Account number', maxLength: 255 }),
        x_acme_tieline_name: StringColumn({ label: 'Name', maxLength: 255 }),
        x_acme_tieline_available_for_user: BooleanColumn({ label: 'Available for user' }),
    },
})
