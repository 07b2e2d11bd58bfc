import '@servicenow/sdk/global'
import { StringColumn, Table } from '@servicenow/sdk/core'

export const x_acme_tieline_invoice_line_imp = Table({
    name: 'x_acme_tieline_invoice_line_imp',
    label: 'Tieline invoice line import',
    extends: 'sys_import_set_row',
    schema: {
        u_source_key: StringColumn({ label: 'Source key', maxLength: 120 }),
        u_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
        u_company: StringColumn({ label: 'Company', maxLength: 40 }),
        u_invoice_source_key: StringColumn({ label: 'Invoice source key', maxLength: 120 }),
        u_supplier_invoice_number: StringColumn({ label: 'Supplier invoice number', maxLength: 255 }),
        u_journal: StringColumn({ label: 'Journal', maxLength: 40 }),
        u_entry_number: StringColumn({ label: 'Entry number', maxLength: 40 }),
        u_line_number: StringColumn({ label: 'Line number', maxLength: 40 }),
        u_line_date: StringColumn({ label: 'Line date', maxLength: 40 }),
        u_line_description: StringColumn({ label: 'Line description', maxLength: 255 }),
        u_line_amount_invoiced: StringColumn({ label: 'Line amount invoiced', maxLength: 40 }),
        u_currency: StringColumn({ label: 'Currency', maxLength: 40 }),
        u_gl_account: StringColumn({ label: 'GL account', maxLength: 100 }),
        u_expense_type: StringColumn({ label: 'Expense type', maxLength: 40 }),
        u_transaction_code: StringColumn({ label: 'Transaction code', maxLength: 255 }),
        u_purchase_order: StringColumn({ label: 'Purchase order', maxLength: 100 }),
        u_purchase_order_line: StringColumn({ label: 'Purchase order line', maxLength: 100 }),
        u_source_state: StringColumn({ label: 'Source state', maxLength: 40 }),
    },
    allowWebServiceAccess: true,
    actions: ['create', 'read', 'update', 'delete'],
    index: [{ name: 'index_u_source_key', unique: false, element: 'u_source_key' }],
})
