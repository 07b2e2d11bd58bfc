import '@servicenow/sdk/global'

declare global {
    namespace Now {
        namespace Internal {
            interface Keys extends KeysRegistry {
                explicit: {
                    'acl cmn_cost_center.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: '656ae8e9615e21c0fb85940a62960c67'
                    }
                    'acl cmn_cost_center.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: '0ee083b15d94debcf0e958d658785c21'
                    }
                    'acl itfm_gl_accounts.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: '112541ab34b924e40ce88f0dc2f63fca'
                    }
                    'acl itfm_gl_accounts.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: '73f01c142875dc1137722b108e8b7213'
                    }
                    'acl proc_po.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: 'd3411f32dc011b4a62413b3c29db665b'
                    }
                    'acl proc_po.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: '1d3a4f3ae7b56b0a9a6bc84188cfd65a'
                    }
                    'acl proc_po_item.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: 'a15286c52f82961c7958a43e2029e5e2'
                    }
                    'acl proc_po_item.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: '21425be333838d2680b735d030201d3b'
                    }
                    'acl x_acme_tieline_gl_posting read': {
                        table: 'sys_security_acl'
                        id: 'c69eea2c98b71594210a88754f77caee'
                    }
                    'acl x_acme_tieline_gl_posting_imp create': {
                        table: 'sys_security_acl'
                        id: 'c527fb2b6988894945180feab9e0b010'
                    }
                    'acl x_acme_tieline_gl_posting_imp delete': {
                        table: 'sys_security_acl'
                        id: '47aa8d7e50b0add1dd3c284d4c91219c'
                    }
                    'acl x_acme_tieline_gl_posting_imp read': {
                        table: 'sys_security_acl'
                        id: '4ba32d97f1b59d1bbebfe46b897fe599'
                    }
                    'acl x_acme_tieline_invoice read': {
                        table: 'sys_security_acl'
                        id: '97ce4be63282212ebd78b0d1c81a8afb'
                    }
                    'acl x_acme_tieline_invoice_imp create': {
                        table: 'sys_security_acl'
                        id: '8ee920c3ace8c6b334e36bb38ceebc6d'
                    }
                    'acl x_acme_tieline_invoice_imp delete': {
                        table: 'sys_security_acl'
                        id: '748662524663c9c665e378cf5a23946f'
                    }
                    'acl x_acme_tieline_invoice_imp read': {
                        table: 'sys_security_acl'
                        id: '42dd82f12c2232414dc20cbcda04732f'
                    }
                    'acl x_acme_tieline_invoice_line read': {
                        table: 'sys_security_acl'
                        id: 'b8e2b616e0f79c464cc32b0c7fc67687'
                    }
                    'acl x_acme_tieline_invoice_line_imp create': {
                        table: 'sys_security_acl'
                        id: '0f1cb135e4fe4830d55b049ee5ce3382'
                    }
                    'acl x_acme_tieline_invoice_line_imp delete': {
                        table: 'sys_security_acl'
                        id: '8f7462eab303a884c4671cf457547791'
                    }
                    'acl x_acme_tieline_invoice_line_imp read': {
                        table: 'sys_security_acl'
                        id: 'c7fd69b5eacab63565c313447e8cca51'
                    }
                    'acl x_acme_tieline_supplier read': {
                        table: 'sys_security_acl'
                        id: 'ad4db16e6e51d86e3ee1421cdca1534f'
                    }
                    'acl x_acme_tieline_supplier_imp create': {
                        table: 'sys_security_acl'
                        id: 'fd661f77001fbf70f43335b52c1fdba8'
                    }
                    'acl x_acme_tieline_supplier_imp delete': {
                        table: 'sys_security_acl'
                        id: '6c56ce651ae98e7f05bb60ab0fdc0b26'
                    }
                    'acl x_acme_tieline_supplier_imp read': {
                        table: 'sys_security_acl'
                        id: '525bf49fbb93de8a0a667b3e18ad3c27'
                    }
                    bom_json: {
                        table: 'sys_module'
                        id: '058b75fcd42dde3a619a1f91714c37e9'
                    }
                    'map x_acme_tieline_gl_posting': {
                        table: 'sys_transform_map'
                        id: '6366552604618e36c95a7294cf77001a'
                    }
                    'map x_acme_tieline_invoice': {
                        table: 'sys_transform_map'
                        id: '9f8ab5c08e65b7a76cce7d034ce7214c'
                    }
                    'map x_acme_tieline_invoice_line': {
                        table: 'sys_transform_map'
                        id: '3b4af6748f019c9ce4304f8899bfcca4'
                    }
                    'map x_acme_tieline_supplier': {
                        table: 'sys_transform_map'
                        id: '377aff17e1763349e701b5b9c0df8d58'
                    }
                    package_json: {
                        table: 'sys_module'
                        id: 'c4f5922b90761b429d56e07ffc6fd4fe'
                    }
                }
                composite: [
                    {
                        table: 'sys_transform_entry'
                        id: '01bb064c23e300786792a1258ad8f146'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_company'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '01d319cf3f0f082c4b954c4736b0b7e1'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_remit_street'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0346deaf44054dde457d44fba9717388'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_amount_open'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '037bdf930f1df0b887ff68f18b81697b'
                        key: {
                            sys_security_acl: '73f01c142875dc1137722b108e8b7213'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '038a278b830e8f6ae66547c2ee94a963'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '03d30fb9ca590cf8ea0f236715d664d9'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_invoice_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0447295d3d51574ddd36dbbd4ce80ffc'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_tax_code'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '049fca2a8318fe9d9f40def84e63af42'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_line_amount_invoiced'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '04ec8abb7d7e3365d23e875f7b285861'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '054fac94b0d48514b2ffeddc9554750a'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_remit_email'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '05f904eb94cffa974b78a7e3b3625ee2'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_contact'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '06389ae3d66eb58e0d1bd6a78390fee4'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_tax_code'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '064873a7d2ea1bd89c6b83cf8a935e79'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_branch'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '06a1715501253b025043115f3da3f13a'
                        key: {
                            sys_security_acl: '97ce4be63282212ebd78b0d1c81a8afb'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '06a1743baf8634cb4100abd04d28c954'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '06bfd46a9478b77c717bf75b3f32037f'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '07ac4548e2edd26fc6603ece3796e2df'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_entry_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0831c89cc69fb0b9872ca732912951f0'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_line_currency'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '085e4c34a6ba3bb5e53b236bf12901a5'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_supplier_number'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '08cec41028c4eac9b578f51ae1f19203'
                        key: {
                            sys_security_acl: '0ee083b15d94debcf0e958d658785c21'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '094ae8b3e3f041c98431b85f2849b438'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '094af892c7cede74794b0a1f11a35892'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '098767ba083bf93d6a95180a8e81ce1c'
                        key: {
                            logical_table_name: 'x_acme_tieline_invoice'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0a38218afc3faa791e441b3edf4da7a2'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_supplier_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0a9aba5dd76007652f2cf528dfed3030'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_branch'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0af0168371571addc828fd88c6afbea7'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0cb5783a26fbb965017ab2bcfcf61c70'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_supplier_invoice_number'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '0d52e3b9bb7882d93f3017e26a772838'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '0d7944b522e5e7ed08dc30aac599f156'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_year'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0e1eb06b295f13d308c84bb668e0e931'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_discount_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0ec688ce1c1724627d7090e0fdb74344'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_company'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0f39cb246d715a82ddb6a4506a55eb85'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_supplier_class'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '10022c84682be8805a56e8efed506fd3'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '10653e1ddc94f596bf78a7c48fe3ed73'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_amount_invoiced'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '107b741633c4bf15c50558b81bef5e2c'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '107ed181f4cf26deca3299df646036bc'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_posting_year'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '10a0722f1580fe8b1e549777c8f2e45b'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_name'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '10b868764c60521d276883a51896f9ba'
                        key: {
                            sys_security_acl: 'c69eea2c98b71594210a88754f77caee'
                            sys_user_role: {
                                id: 'bcdbb4340775f348c921db8186a47d0f'
                                key: {
                                    name: 'x_acme_tieline.viewer'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '10e6e017b7b9815aed909751815e38bd'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_street'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '10f7e48324eaa396dffe84f9eb9e8c73'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_supplier'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '11cbe89aaad1ca4375486014c0ada25b'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_gl_account'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '120368b9361789491dfff0c5e022d1f3'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_purchase_order'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '12901a5cf990b5a4e5114f55f0f9101b'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_entry_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '12ce324a70ef11a84d119a714efa0b8b'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_comment'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1320ef838549cb6bd08d874be8ba8959'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_contact'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '1548ff484ea8f6756fbfe168b97cd2fb'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1585f44386f25ee747615a8a065900dc'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_date_added'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '159793fba36152bb9a2dc544820570b1'
                        key: {
                            sys_security_acl: '4ba32d97f1b59d1bbebfe46b897fe599'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '15b4f23c361c1ba0c36c73714066a345'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '16a58ac9bb58505cdd1808544b514d81'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_remit_name'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '16cc69ac3f7a65e1da9cd49267e9e9a9'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_invoice_source_key'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '183c05a27f6a6db1b88bbd48d00d9a61'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_supplier_invoice_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '18d76836638c1772bab5dbf42fbba2be'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_line_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1981fde0afe182b72e14afd385685c6d'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1a10dfaf504c72f6ffbaf63ed21aac9f'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_remit_name'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1a38ba8742af01b2fecdf16c25965efa'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_tax_id'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1a6875114404fe9f7967a1985609ed20'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_line_type'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1aad8e89a1aac9887366cc1f28a1db39'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_amount_invoiced'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '1acbce5142b75654ea6428ae2b9db28a'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_company'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '1b007e94222a4e292d22bef472861968'
                        key: {
                            sys_security_acl: '656ae8e9615e21c0fb85940a62960c67'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1b279dd9af514cfd5dcca8f56f94cb34'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_supplier_invoice_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1b68b105f97efc6bf35b13dd63ace7d3'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '1ccb6aa7468228968ff7861d7fa1a0d9'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_company'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1cdbacbfdbe1f21f0a60ada4c325e3a2'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_line_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '1cf53bde4778c0d21c845a059d852ddb'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_reference'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1d3a79a5949685d60ea79dd589f71ac1'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1d9325c2bca31fdd7d0964c1956ce4f7'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '1de95112ba0f671088a295bee70526b4'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_document_amount'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1e9c1a3a3adcf8958d14717ab3689554'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_fax'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1ea42e56ebe5a2a2a5e9a85d8dc13a32'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_branch'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1eb1e944f123aaec9c0d538667af79ba'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1ec95e4e26d572e19dc557863894d729'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_invoice_line_count'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1f2937de9ab9a22f0b52c9aba23d9023'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_company'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1f336c9051cd6097cf0507721016f1fa'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_company'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1f8c1be1c21e235aa67591bedcc3bfb9'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_invoice_line_count'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1fd8cbe5231c2d9ec1b5bf162ef03d30'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1ff88bf671f2ede78da170e5c5178544'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_line_total'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '2040277aa3b4da0fd2dd0109d957c13c'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '20950bf6d15be61686528147ed55897b'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '20e4e67ac71f0263d7b5b89a4dfe02e9'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_supplier_class'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '212620bc81a583ad788672222835bf33'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_supplier_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '215cb3d934d123efad7a302d00c744bf'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '217138223bfb83dd798af213f67d70c2'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_supplier_invoice_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '2184c212e69a64247c79a7628e55c257'
                        key: {
                            name: 'x_acme_tieline_supplier'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '219fd8f0ad02e3bbed24c407e35b137e'
                        key: {
                            sys_security_acl: '525bf49fbb93de8a0a667b3e18ad3c27'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '21a83bce802b71a224ed4d78b2f88a2c'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_discount_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '22439cf05f989d3883ebf8fe510e479e'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_year'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '239da545972a11fd1a68f1d79eeffebc'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_date_added'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '23f7311815496f1a143a3ac507221172'
                        key: {
                            sys_security_acl: 'ad4db16e6e51d86e3ee1421cdca1534f'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '243eabb35fb029bc722b26c56446a26d'
                        key: {
                            name: 'proc_po_item'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '2445a4fcc99beb97dc9eecb3702ac303'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '2456cf84c80dafcb3fc29703cada8afc'
                        key: {
                            sys_security_acl: '6c56ce651ae98e7f05bb60ab0fdc0b26'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2473a0b60331680ce71a1a2a5d26a278'
                        key: {
                            name: 'proc_po'
                            element: 'x_acme_tieline_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '24b955fd1cb06b4f5938b307ff9069e4'
                        key: {
                            name: 'proc_po'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '24f88971a6905c3cc95896ee13f95de0'
                        key: {
                            sys_security_acl: '21425be333838d2680b735d030201d3b'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '255bc27f6f77ed45f34d6a1316c003df'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_discount_amount'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '2615da2cce943da703f901fcf3141a2f'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_document_currency'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2698df9c39d81d6d270412fc06810a32'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_purchase_order'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '27a0a52f384c24a69a08936da56438e9'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_invoice_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '27b64b0a25738d0c45b95b1e25069119'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_purchase_order'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2807f21a8f48948f0d9cc7c753a66a97'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '28ad5ffd57cf72763232a85c5d2a2dfc'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_entry_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '290a04d6196c03b96cb76731c00cb0b8'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_entry_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '298047469143e83b551f9a8870a9e0d8'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_remit_zip'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2984cfbbf2e67a73f7f48c53291ec76e'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_branch'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2a74e606f4ab7f90f3f63a44a38f56e1'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_zip'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '2ab495b1958cbc6fef732f6065c4e9d0'
                        key: {
                            sys_security_acl: 'c7fd69b5eacab63565c313447e8cca51'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2b10a9d0472d2947d44101e095b8ce08'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_entry_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2bf598ae37e961c26b19c7cc995e64ad'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_remit_email'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2c9accbb17f03fc409620074ec4b2a76'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_company'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2d0f7be0a5838c936087b2eded314cea'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_invoice_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2db244593ed5893a7be931d6918ea4f6'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2dc4169951b59fa583d6b1d2c8229365'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_gl_account'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2e73d64eabf4f7a6385e93cad5c64402'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '2f0dbbf0aa37936b0cba230c2f657961'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_supplier_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2f9bcc55cbe149664c10964bedf44aa7'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_on_hold'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2fe74daacab650b1516b07399c9bc2e1'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_on_hold'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '303c903808df3c365fbb84b11e9469fe'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_company'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '316a94a61754d5cab2ae705cb6c81c25'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_gl_account'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '316f0ca38621a35602d16039f2e1a9cc'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_branch'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '31a54fe0832415b1065b7e6e3ef34ec6'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '31ee8a7b90358d1116c094b0334755ba'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_email'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3214e64ec9b1bb8f484460b6e92962e4'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_journal'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3218a0e8a8585f89cb2a789bb3c326be'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_invoice_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '329ca034860229d059231c0760bc7721'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '33bc446c9d73aa651c0c9a5cffd93859'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '33d026caae0852a52bd262978b153385'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '33d66597a0fcbb4cd09ae9dabf34785b'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3443185c61cf21cca308738d545bb293'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '34b26535fa6b4f3063b5a1585628471f'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_invoice_date'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '357c5f3f9923836a21b3024bad354f50'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_date_added'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '35aa35347a787a5e3f7871d29a06218d'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_tax_id'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '367f559d8d6774147954ce755bf1badf'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_discount_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '37f814c8cf8ed9b778ff42db76aeaec4'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_phone'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3832e65a4a9b846c6bc1afb7f8fb146b'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_company'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '38a3fe7e3555a8c8c8996623b56f4156'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_transaction_code'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '3910af8a4121614d893166d06be92ffc'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_purchase_order_lines'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '39ac9e6aa9954388daf3e906d31638bf'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_posting_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '39c9e5f666c866870c3b9cf547f03647'
                        key: {
                            logical_table_name: 'x_acme_tieline_gl_posting_imp'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '3a100fbcfe77f42ec933ca450445647a'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_active'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3a2e6fa941028a34e39b50d9a08947a7'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_invoice_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3a453b7d66d13b80cde65589e3b3b09d'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_supplier'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3ac6a64c8bfbd5b1fbfc17e825cc5933'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_journal_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3b018dd5b2adae5e7a4e14d4cf4a13bf'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '3b7c90554c7204c7edebda7a33db3928'
                        key: {
                            name: 'x_acme_tieline_supplier'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3beba8c6412609080b3ddd48aa896687'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_reference'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3bfcbde374bdd9eaad638ff56e28036f'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3cbac39405408dca79f272668eb87bc1'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_invoice_line_count'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3cee3bd25902b0a651e7768db2cf7798'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_charge_value'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3d045bec63a10bb411df980a45b036c5'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3d9a45b39039983a988adf61a0d43ef9'
                        key: {
                            name: 'itfm_gl_accounts'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3e4c530aeeb39d96e17f9d8c4e4f0b4f'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_remit_zip'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3fe55779f7555823ec0a35bf46b27038'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_period'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '410e6cef7e56a9bbebfe9c1a40e20acd'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4182d06c9691d4ba2fbe7c0cfee17cd5'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_entry_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '4192ef409ff0254e4d650b8718beb640'
                        key: {
                            sys_security_acl: 'b8e2b616e0f79c464cc32b0c7fc67687'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '421bed23b96705b3989bc343da28e584'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_amount_open'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4336de8f72bcd91eba05542c536f0075'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_street'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '436e4e0cd1f8e298db0b2c08fb3af604'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_supplier_invoice_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '43c2e5400c160dd120a3b96fd8b3b6f3'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_line_description'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '43e5f58c096897d84d536099fc2eea48'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_journal_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4406dea4082d34871ec22fc797823b21'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4435df6edbefc406968c13c424137781'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_short_name'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4452ce3730f9b969ab9263a2e1629f46'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_erp_status'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '448108014a57d48a2e92ce94abdbe8e0'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '456b61c1729d755ea7cc56219c45932d'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '45daf411d0ef12269859b20de2f67cda'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_street'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '45fc6e52a3eb74343df097818c47583b'
                        key: {
                            sys_security_acl: 'c527fb2b6988894945180feab9e0b010'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '46423e3fed403d2adae6ae00537cc86a'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_phone'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '466650af05338a183f67a039f24698f1'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '47c29e2e778d051d4f654a507924f861'
                        key: {
                            sys_security_acl: '42dd82f12c2232414dc20cbcda04732f'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '48626a1eea33ff958c8fc60d138a16d0'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_zip'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '48b0d811605de463f144de9cbaa16e83'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '4aab0b9aea3b0b57af9b2d0ec2d639ee'
                        key: {
                            logical_table_name: 'x_acme_tieline_supplier_imp'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4c1b34d427452faed08126c2ea45e2f0'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_posting_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4c1f94052b8bb0f7a00620a50f562e6a'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4c26f5903c807b80816a571b6c95c78f'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_journal'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '4c55727f93edde61bec0f475f11a5eee'
                        key: {
                            logical_table_name: 'x_acme_tieline_invoice_line'
                            col_name_string: 'u_invoice_source_key'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '4c6005eeb2bc21bbdaf4158f84702964'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_short_name'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4c989e78071555f23f3a221ffc2c80fc'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_date_added'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4cb8ef3e2338436aa840c3157f451f9c'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_active'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4d706fbff32bd6bcccb8dde1284c2f97'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_expense_type'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4daec5e75aaecc81f2f29d5c149e64bc'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_line_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4dbde175b0761620a34d807608ce38cc'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4e7195f86c55b6a63d0f2d156fb5d19b'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_erp_status'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4e7302f9afa273250fe40b1dc3940df0'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_line_amount_invoiced'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4ea4644d10b6de3997001c3c16e6831e'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_supplier_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4ecbc9650064a31e04857bfba1a71264'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_line_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '4f01948ff4734a3fc0f8322a4ac915e2'
                        key: {
                            sys_security_acl: '112541ab34b924e40ce88f0dc2f63fca'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4f5fb8d7629be7b0cb3511d23e1a4933'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_line_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4f6f5f02e731a7b951f16e394d5ae80d'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_remit_street'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '4fe52dbe5c2767609cfdfd6dbf3cc5df'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '5123dfced292773807f25ec66171d5ee'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_short_name'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '512559e28c681957e781bf0c01837a1a'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '515adcb468cbf0097f0dd4d4a2763edb'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '5178186bfb0e5b26f4157026b1e2021a'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_due_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '51eab53b71c83c2fdfb369b8651b976e'
                        key: {
                            name: 'proc_po'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '521a75d97f0a55bbe6cb20f776f0a3fa'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '52a1c698ecc48d5af6c37b1e9bc6716d'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_gl_account'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '530efd86f7606304a3f90de32a8a51a1'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_street'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '535dc2d70c4137076517e5ec2bcfb368'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_posting_type'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '5367d8db54d6f5174cada8dfbd2187f8'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '536cdab1f183b35290d39dcebd674670'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '53822c6f907ff9137bbe9bd729d2abe3'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_supplier_class'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '538ee8b3632dfd4b29d4aae635a269a1'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_entry_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '53ab95339bae8d3c1eae9a4950636dbe'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_line_description'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '53d409a65934826c8f75bce64a8e6ba2'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_line_description'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '5494ea01a4de435613b8c202b35bb44b'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_email'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '5499dcb86b557116ba5ef639cb127b04'
                        key: {
                            logical_table_name: 'x_acme_tieline_gl_posting'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '54c0e6a19b70f7ba9e20623bd845f7ba'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_transaction_code'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '54f69f7f1136dc85cf4435524b8449f1'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '552b189443f08719814da32990092e2e'
                        key: {
                            sys_security_acl: 'a15286c52f82961c7958a43e2029e5e2'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5532e57f99125f59565f7162d667e516'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_on_hold'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '563e433ffbf77e1be61d6f2adf19db3d'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '56b17a70a919d92e9dce7981762b9e3a'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '56bb2bcfa599441699b3a67eb4f6217a'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_company'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '56c1bf0fe783265f90fd45425b2cb553'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '57b39a71e9051b2cda733fbeb7eb725d'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '57fa6560ea381a6c352e99d4725b993f'
                        key: {
                            name: 'itfm_gl_accounts'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '58147c95b735c45e69b33b370b806057'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_transaction_code'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '5835d849d6123b88c808a1156eeeb3de'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_company'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '59001d8e2a4908055258d80ec9abee60'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '59448183de28f45626870838b7bbd2fd'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_reference'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5a5a19989e12756b2fca22b5a8a8738d'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5a805c3bdc07d8007c06fc4faa735463'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_amount'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '5aca2e5ad3b22d053c1cf25f6c8366f2'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_payment_terms'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '5ae23bd5ecf38aa7ba4b0c547d4a3ee6'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_email'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '5b01c42c5053e55c3ac4e99eba00b554'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '5bbcec61754372cb90e63c1bd19b120d'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_erp_status'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5bc4a19c06e907b2673954477cd91759'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_line_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '5d15715466a8c8c1487c4dbdd95ff722'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '5e11f4d5fbb1f4597d10c77aaefd5c65'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_remit_street'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5e65804c5ada5fc03cbe579c4d204513'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_currency'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5ef7682b4edd122822e4141edaf438f0'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_posting_date'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '5f46247f96be307e1464e61dc02236f4'
                        key: {
                            sys_security_acl: '0f1cb135e4fe4830d55b049ee5ce3382'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '5f6206c9361a12f1dda4d64abbe49c84'
                        key: {
                            sys_security_acl: '47aa8d7e50b0add1dd3c284d4c91219c'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5fdd86d6e06343baea375d852a5bfbfc'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_invoice_line_count'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '607a434129ef8bd4aee6be9e24b1fb5f'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_purchase_order_line'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6083c767d960a9bb3fa6799096e11c0a'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_amount'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '60f7cad453a07187bb21052ec571649e'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_journal_date'
                        }
                    },
                    {
                        table: 'sys_user_role'
                        id: '610a011a7404b0c1864b41f5edb8409c'
                        key: {
                            name: 'x_acme_tieline.integration'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '62122e49c95b950c1af7c21ee0b4455c'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_transaction_code'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '630296b4506d4bacb43934e750600002'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_supplier_number'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '633f385d6b03d86971f36e35c757c68e'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_email'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '636704d5fc00112e5ac87ce9da9298be'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_posting_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '639707cf30b546ff36484c89dc2c317e'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_display_number'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '6474ffcadd91a378bd36995a3c43d668'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '649545585957453337cd67633cf87c9a'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_gl_account'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '64f2b6a5dfc7cfdf0d86814dfa8402bf'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_line_total'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '65d586be21767d74d3c3ea0d63577c41'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '665025839843f8274e24d959562e6a07'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_discount_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '6681837b015c87f7d00554458a5ce3d1'
                        key: {
                            name: 'cmn_cost_center'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '668fe76c0bf954e7dadb636a8f3bbbc6'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_year'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '66ab83f32feda22ad934c472596bc5a9'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_reference'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '670f2f6de0149241a55382617fa4264e'
                        key: {
                            name: 'itfm_gl_accounts'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '67f32febb4d936e27f28296a100ba7aa'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '685b6e560f65b7243ab5d08aa40b4acb'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '68e61a986486f9c3ab2c46b84f3fcdf8'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_purchase_order_lines'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '68fd6b1d77b89a2dc82c81120f2924f1'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '699839b0521f9e5257f02ae4f8275853'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_invoice_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '6ac76e3d1f86ec46647afb29fea1ee0c'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_tax_id'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '6b195c244d7c7120468710a8e98f360f'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_posting_type'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '6b1a23b6a77c5883ebce238bd0746790'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_line_currency'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6b26f0ec316b28f97c27620de8694fdc'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '6c2623a8109a340b2b32d17c1cea5a47'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_journal'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6c9b52b7856c303894c9fb81d5175318'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '6d6ebe6a52fff51fc2574066eb9dec5e'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_expense_type'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '6daa0a93893e13ab3457f639d3571284'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_reference'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '6f165f70d8994ec412e7b0b66ba93dc1'
                        key: {
                            name: 'proc_po_item'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7093b0b6fd6096711dfe0d5cd181549d'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_purchase_order_line'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '7270b90b5210fed3a20cd9a11dba0ed8'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_tax_code'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '72bd6b5f3bc6925cd7483e2baa5e65ea'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_line_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '733a47c8d2bca5c588fedf56ececef54'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_remit_email'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '733ad78743efc967cc99bc04b965657b'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_supplier_invoice_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '73bd2e07ef855c72e4c56866861f1fbf'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_purchase_order'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '73be18b548a3a4e0417de3f200b71f44'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_erp_status'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '73dbff3e7c4c6ad634b4b4b9fac445a0'
                        key: {
                            sys_security_acl: 'c69eea2c98b71594210a88754f77caee'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '74ac01c207ddee71725529b811d3fb8e'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '753b8055117bb3064308bfb9f1c49001'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_entry_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7630c98b4c3e8c65920ba5d9a4fa23c8'
                        key: {
                            name: 'proc_po_item'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '7659430a4f09968a3616f008ac9fc2ca'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_purchase_order'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '76f325b7b2ad923ffb9e27deaa5f0a80'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_account_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '77d1e994e3bb4dd52fb2d00a019f0fe0'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '780d7a41021e0ec5677862dcc370e180'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_display_number'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '79543d01da79b60bade249973dff883d'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '79ec6f1cf5888ac20a43c29c9f10fd58'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7a0c36752b447f99de26fcb4a876a066'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_period'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7a98eb1d112655c500ddf74b609f1d23'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7af25ad7b05fade05120e2cb87518b7c'
                        key: {
                            name: 'proc_po'
                            element: 'x_acme_tieline_supplier'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7b02ac58874c306f0c677b0e47e7acd2'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_line_amount_invoiced'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '7b8d2c88720e89059cb7ece4bbdd1ed6'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_supplier_class'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7cc83ea0758873a2fd41f9aa8c087e28'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7d07710452560bf450b4efbf71f67912'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_on_hold'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7d7d28b25bad1293bf7dd5a2f9b48308'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_line_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7ec92cbc30fa0130122fb556e7d9bd17'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7ed86adee718acb6233b819cdb06a0ac'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '7f3e4dd19778448ddc1e41659b246fa3'
                        key: {
                            sys_security_acl: 'ad4db16e6e51d86e3ee1421cdca1534f'
                            sys_user_role: {
                                id: 'bcdbb4340775f348c921db8186a47d0f'
                                key: {
                                    name: 'x_acme_tieline.viewer'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7f850d8efa4d10396459ef5e0e009ced'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '7fbf871fb6e92f1cebbef8cdb7c1fda3'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_branch'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '81d2265b0b1dede4755b0547b46c1fe8'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_gl_account'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '824047b36c2dbb58c996770a34f68ab0'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_supplier_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '827a1d2ff6b4c97017f30261b9e741e2'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_purchase_order_line'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8284a02fd94a72640f6138f49880013b'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_line'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '8363692ab105dd5be6540583d606e3b1'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_source'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '8436d7c465230920145e9b8f710475c9'
                        key: {
                            sys_security_acl: '8ee920c3ace8c6b334e36bb38ceebc6d'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '84624d0ea9035c4f8b4942a3223fbb88'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '865d6faa7e46dcb541932dccc523ead6'
                        key: {
                            logical_table_name: 'x_acme_tieline_invoice_imp'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '872b53c3a4177b98fef1a2dbf626af7b'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '873f8b9ea95f2b324f8ed036a1dfaafd'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_line_amount_invoiced'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '886b1803bd41d24020928e44264fb60c'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '88b95e00735ab7b1743b10b44b02100e'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_reference'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '894d3acab86018f8798e23702e9a7315'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_line_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '89676ce85295cf4e1ce1ba3c6511ed6b'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '89bd0cb03af2358c472a976ebfbae3c8'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '89cb7754d9f3984546e34197ac43b172'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_amount'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '89d9a5f2d52dc7749ef8555118af7791'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_tax_code'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '8b2e8d86a4b6067a5abc5adda6160665'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '8b51de6faacc183c94d2e8fd1ed0fbfe'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_invoice_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8b92b7acb601a70317251936b3244515'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '8c4ee487e5601fa02af941384204232a'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_line_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '8d2373f907c808406192a63db3f9936a'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_due_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '8d89558b0e31fb5ab995397c7e67ebb6'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8e4f786e7a4b1e4e59a889d510239b38'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_tax_code'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '8e6165dd832d2d07173afe0c83e363a7'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_gl_account'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '8efc3e8da30e7405b20aad9e68762961'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_due_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '8f1c134a531715ec11c76aa0b624d504'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8f70db912a756f888fb5056a7ebd588e'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_company'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8f824daf696cb5560c95532d48ab2f61'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_gl_account'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '8f8474b830823559741c2a8b1eae1b87'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '900132373657241318859941e6b6c5a0'
                        key: {
                            sys_security_acl: 'b8e2b616e0f79c464cc32b0c7fc67687'
                            sys_user_role: {
                                id: 'bcdbb4340775f348c921db8186a47d0f'
                                key: {
                                    name: 'x_acme_tieline.viewer'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '90c2e4f7b6cb23d5340196d8373b844f'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '910f74540ffba5866a8d8437bc5affc9'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '91336b2c4125948f9fe367b2d318c24e'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '915e8ed86a632918e711449db8b30da1'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_period'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '91e21e72eabf2bf4d717a1f91291d0dc'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9212e8a283fbfe5580e2c7cccb123952'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_company'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '92d050fc821f60918b1a2e3aaf157704'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_tax_id'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '936ddaf84ec2c66f8c9735c8918332ea'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_account_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '93aafe143609b9c13efdc83ed61973a7'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_line_total'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '93fed7b7ad2989e408c9a28272d7fce7'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_fax'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '94f8935af73afc03059759bd889751e3'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9529fdc0aab37cd2ac4e009cb8a5c3d4'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_journal'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '95c11a2c8e04334fa7f49e7744d74aee'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '972a659c082305b54b51d22434889054'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '979f83602b33672b629c7f25b2bfa73c'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_purchase_order'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '983aef2e0a59beb7d0638b6f1900fec8'
                        key: {
                            name: 'proc_po'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '993b920d376c1cf5dd2d0d944c0c97c5'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '994e0ab458a9d5494de2eb7fd85a6472'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_supplier'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9999dd5f74efcc733332b0c198c8e17d'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_tax_id'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '99e826f81944270f3711c67eea5d5a78'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_contact'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '9a3d4bf1fd6286cc8b771eab2f62cc82'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_tax_code'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9ac2e5c1a08665811b3107c39c8e6e34'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_remit_street'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '9ad068fa504351527cba0beffd0d52a1'
                        key: {
                            logical_table_name: 'x_acme_tieline_invoice_line_imp'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9af46a02019f354c8cd25ac69fd0bd0f'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_comment'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9b6f3ea835dd89f2ef1f95466aa31078'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9b75891852a2916f61de9c336696e302'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_payment_terms'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9b7e028a4aa50bdd85952dd0b2d57950'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_posting_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9b9835aed6ea1da257ac849dfa631075'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_journal'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9ba841b02e79b7a852a3f1bb18399730'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_remit_zip'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '9c4aadd951c7365a6948f0cdcadcb31d'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_comment'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9c4e9639b54782865d299c665ae43557'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_posting_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9dea61906f3d5f42242fb32349a53b40'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9f9a0bc4b244354a0aaa923e3e6cbb32'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_branch'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a0ee45c631b27edf0b075fd90d3ea92a'
                        key: {
                            name: 'itfm_gl_accounts'
                            element: 'x_acme_tieline_active'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a13007671b01835608437ce87fabc977'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_entry_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a13054e1150b7cb7ea2d985fc941fab9'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_due_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a302465e78466b7aa9d344fe896a605c'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_display_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a35a965cc987d172a9b46aabb9111bf0'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_discount_amount'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a3cd1064bd93aedd941629b0db1f3122'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_posting_year'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a4dd049c2532db3364e913e15594976f'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a595afc76dc369a9f43908635ebd7cfd'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'a6776b7fc3101c4efe3dc087344d0d4a'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a7364e15e044c98b88d9481dea6e2394'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_amount_invoiced'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a759af2249260406a3246977c7daa3c2'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_supplier_invoice_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a7905ef3aaab23c0fceff223bb6b718c'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_line_description'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a7d011946ae5ce819ac5095e9c49e5fa'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_remit_street'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a7d2e639673ebc60517adc6cb2a576b9'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_tax_code'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'a8da05bb18ecd6dc8f54aff745f069db'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_posting_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a8e29daf8d49bcdce10d00b234b1c898'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a98b82c098d735285566f1181452ae11'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_phone'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'aa5f5ec3dfa61c3f327bbc44225f232e'
                        key: {
                            name: 'itfm_gl_accounts'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ab3a45fcec7dc13c68fb86bfa97025ea'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ab3f624e2f7b6ddf6aad32c01d098e3d'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ab47ad1d78d0a5b8ba8c1c7ea8781168'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_zip'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'abc6e85796a0fa694bbcae686b899567'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'abf0bcc8bc96316fc907652a3b46ba63'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_payment_terms'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ac0d35a2793a8e07980482ded7e23698'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_branch'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ac1465c651bbb7d785ca2ef9e6e0a458'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_payment_terms'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ac33182513a3f1a99e1c68c7508c2cd4'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ac5903dc03d3e190fbeab70e7e74913a'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_supplier'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'aca7369eb2d15397cd77d013e9dfcf33'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_erp_status'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ad1b362756e5077439d1375d41a50ad3'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_remit_name'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ad372f3bffe2fb170898fc2d9d0d82d5'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_amount_open'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ae6d5843f0fefa862221f34ab4ac7a6f'
                        key: {
                            name: 'itfm_gl_accounts'
                            element: 'x_acme_tieline_active'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'af13180f01807cdad7f3c5887ba9a497'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_fax'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'afb47b7e86e8d398a668031f5efa5c4a'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_purchase_order_line'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b03cc02767f28e9f3f172ce720d03f06'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_remit_name'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b10d52906764f6866161b5c61cb0ff66'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_posting_year'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b14df24a9bd3c958db7d01780eabe9c4'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_zip'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'b1a9d5577a7ee87e9133b088955d4837'
                        key: {
                            name: 'proc_po'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b1f7e432e53ada53cc1b18fc830e5e37'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'b1f8d3ecc948fe5d7c094da4c634aa69'
                        key: {
                            name: 'cmn_cost_center'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b20c7ffc7af35aa333bfdab4a90d332c'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b228563a0575cebb8949a19c72261504'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_reference'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b2bf09731513a95522748341dce84664'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_purchase_order_line'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b4f177bcaab71b6ded87d042c77829be'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_year'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b56ac75608e585469083072897358413'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_posting_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b5f10e624b2c89d0685a9712a538c914'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_name'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b662083788b8498dd4314454c18b8aa2'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b67078054ab4e432b79e124c33162c25'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_journal'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'b68d1fe273a05a5f783c079f59990c14'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_amount_open'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b6deafad22d331adceebc9f6af9927ae'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_supplier_number'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'b6f5974ceb3b66348aca2edb672f94bc'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_remit_name'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'b70d79e9dffab59a6b43f819e2a2e3a3'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_fax'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b773ea5e1f1225d3b01191300fdcc8fd'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_purchase_order_lines'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b7d783219d06a3503f52af8ed1f4f1cf'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_branch'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b7fb2ffe0c5962f2401e80c348eb4162'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_company'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'b8663584706847b0134bbabc28ff8fb9'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b8b1a8d959a50caf901cd32c5f86bd63'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_active'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: 'b8eb0a596ef5037754dae46a7b796f4f'
                        key: {
                            logical_table_name: 'x_acme_tieline_invoice_line'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b918476b63787b42c489223ee572d463'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_source_state'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'b983d9da76270f9653133b8975362ef3'
                        key: {
                            name: 'itfm_gl_accounts'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b9f3342cc2facf26a5263161fc221780'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_reference'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ba38ba68ca28543d554c09bc0488f23d'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'baa5eb31c6809ec56b98654f47e489f2'
                        key: {
                            name: 'proc_po'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'bb0cd5857916076a8075ab7c2380bfd7'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_remit_zip'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'bc81aa709ab509bb2ca346bede053513'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'bc9cb2820ea057c6fec6b1856f6238cc'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_short_name'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'bcce389af44409b72f8c78f766423d33'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_tax_code'
                        }
                    },
                    {
                        table: 'sys_user_role'
                        id: 'bcdbb4340775f348c921db8186a47d0f'
                        key: {
                            name: 'x_acme_tieline.viewer'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'bd7b04fdb87b742a7efc90a8df143ab8'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_posting_type'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'bd7c675029b4bc8349cc56eb480974a4'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_supplier'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'bd947c3cc209d41c065ec939b6738d11'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'be0972b0a3c927d98446c32b751b421e'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_active'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'be67612ca77f7bdf412942a976b5ae35'
                        key: {
                            sys_security_acl: '748662524663c9c665e378cf5a23946f'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c00a906ec8f95cfa64f26e135f1ec72c'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_gl_account'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c06864a381d62ffebf31152bcbd3b1e2'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_tax_code'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'c23eb31a68b58d71f9431ec4f7b10389'
                        key: {
                            sys_security_acl: 'd3411f32dc011b4a62413b3c29db665b'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'c2707348c09bed0a6e39b97da3572bf3'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_name'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c27dedf1d71e401b6c680397e2d63d8b'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_entry_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c2b503a7efcaafee445660206a828e8d'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c2d69ccf90b3a3323138e2170108158c'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_company'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c3ab2e4458fff6a01a701f599953d455'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'c3ee97f807ca3b9681dd36daa0230f54'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_posting_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c3f3cb254ee373b75514d54041202d0e'
                        key: {
                            name: 'itfm_gl_accounts'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c3fd1eaf4ecf8a6cd4c603b5a775cbc0'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_display_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c47fc201bf12a50708567b4db4fd37a9'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c52202b0813a34c2adb762e516b5846b'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_posting_period'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'c579232524d028d0a9fe58bb3aaef353'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_purchase_order'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c5b989a2da1211e165e4813f80bdb780'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_company'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c5fe82acc68f13eb8f846b4f6c29b699'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_line_total'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'c5fece23eea8787a34923535fc758540'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_amount'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c740b9c2da271821488279c5ad005b97'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'c81f39572ac180b93e1f2eeecda5f82c'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_display_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c8a1bd23c55ca4540e7cd177e8c21456'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_account_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c8fa961c77beaa8f0ee5291dd82cd72c'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_posting_year'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'c9413522f16d87172567e4a8309caad0'
                        key: {
                            sys_security_acl: '1d3a4f3ae7b56b0a9a6bc84188cfd65a'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c9fe492c994e7d96ba7c3bce1c1d57ee'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_line_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cac2095bd08e96f45d35ffcb9b8c76e6'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_company'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cb80562e8c88c2df8811bdd3cdd7bcf0'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_supplier_invoice_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cbb4f05f3801f18bd981459da142473f'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_amount_invoiced'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'cbb9ec254b9516bdab077a64462f4feb'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_line_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cc1308c86db279182ce63539c5a15641'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'cdeb75a8984fe7c2a2dfd6255f23d406'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_remit_zip'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'cdee3b4604428d8fad5e31a6475dc067'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_journal_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ce6f23e706a880cbe7561c3e6b007278'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_remit_email'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cebe2aeff123238e4189df782c15ed4b'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_invoice_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cfbd702b2bbc33bd050356bda73276ec'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_company'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'd01993eed09fd5345c8cc0ccecfff44f'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'd06e8122908d54bf92ae8cfddb51b703'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_discount_amount'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'd096654d7c2b699db4b67592e37d33ed'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_active'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'd2fb557b92286f71e5f0bb8272cdb45b'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_remit_email'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: 'd497b89b6dbce396feb272cd3b80dbef'
                        key: {
                            logical_table_name: 'x_acme_tieline_supplier'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'd4b806f19ba9ce27867c4ea1a8f72aef'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_posting_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'd4d32701095209ae48d77cf6b25cfbc1'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_tax_code'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'd52e8e0b2e7d7241ebdb6d8ded140997'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_entry_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'd5d7456cdd2cdd3fc98c79ac1971a347'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_company'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'd681dcadb2b4272370f95544122732a6'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'd714f5efa0323b38292f75d8d3879e30'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_supplier_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_user_role_contains'
                        id: 'd9c4551ebf30c2f3907b235a0e074f1d'
                        key: {
                            role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                            contains: {
                                id: 'cb3685e522381bd120e417536064f6cf'
                                key: {
                                    name: 'import_transformer'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'd9d7956a2a9b6aa5b190eebe38e7ad52'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'da144d0ee43012ecf10c6b2ef2c89250'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'da39bd8ef17c15d789ae2d37f1a847bc'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'da3c12d168050f4174034932d9e69998'
                        key: {
                            sys_security_acl: '8f7462eab303a884c4671cf457547791'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'da6cef6312890f2dc8c9ab3e9ecff193'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_posting_type'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'da90cccc30813e76a343b0f7c4f3200e'
                        key: {
                            name: 'x_acme_tieline_invoice'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'db00bb60f80d71b76e3fd7cd132c3b23'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_supplier_invoice_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'db874a7b8972f1f31b0d84c351831695'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_purchase_order_lines'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'dbc3b463a5a212ebedd147276200518f'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_purchase_order_lines'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'dc4ba9dccca536aa679e1c488b921fa7'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_posting_type'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'dcd66afb00e9d6d0422c2df24112692a'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'dd6b9067ddd9fb9069cec496f8568dbf'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_invoice_line_count'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ddaacb69999db7dbc9187fcf9091017e'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_discount_date'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'de37f31a253b9e05e5d3dbc1f02f18ea'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_transaction_code'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'de48f59f70d5265495182b9d5f51675b'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_company'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'de960ab6624b674da4a214fb4d4a0fca'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_entry_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'df158bd4b382c87cc473942546295e91'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_line_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e0e65ef5efe369471e8850369c285fe6'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_expense_type'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e14cfc78746384ff5b95a3ff777a60e5'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_entry_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e2e7a34714f0dfec2a8ae8a7ae7e7c41'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_supplier_invoice_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e32d1e6abfe9b5fb64fe0ff4c3585fdf'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_comment'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e3c9acee64a29c8f56edbf89ceffe4df'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_line_amount_invoiced'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e42623a3b3a570c0a950a1be555ec03c'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_purchase_order'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e479579333072b3f460963e676c4a9a6'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_branch'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e4fadb8789c566479cfb1658face419e'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_account_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e548543287075c2b58bebaacb1f9aabc'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_amount'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e561d20838f45187261012691fcca157'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                            element: 'u_purchase_order'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'e581a0cc8e92f9a4a73c895e5c6d34f8'
                        key: {
                            name: 'x_acme_tieline_invoice'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e5925377fdffc226195c13d1ea637859'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_active'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'e5a730d421df607da385cf6d782e1c94'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_contact'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e5b75ac66e2e9052b0561e3be65df84d'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_reference'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e64a7d93e8d5cb15ab8c66eadd802a29'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_entry_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e7aa27a4d656b5b184df73ae10640892'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'e7ff55c366adee5bb05a62e36a56a737'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e80f360b0fc52c3500221bfe0589c889'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_charge_value'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'e8c97e3aa5ac6f6cc130e938edd2fd70'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_posting_period'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e9655c104a6461a57057de50c0377839'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_amount_invoiced'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e9881ca89430d550b216952fa01def2e'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_account_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'ea2c15551143fa173d34989b7fef1f86'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ea6e79ef51648cb54145111a6c6bb5f9'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_period'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'ea8baf9882330f5b6ec3af92ec407dc6'
                        key: {
                            name: 'x_acme_tieline_invoice_line_imp'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ead129a8b8504b5198c124fce4256a7e'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_active'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ebadbcb557d31f99e6758ae1a532b901'
                        key: {
                            name: 'proc_po'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ec20e52ba5dad8fa9b266c3106427fe6'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_name'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ed37a8179955f4dc9e44c9e00ee55ac3'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ed4527acfb7d86573d90a64d7c7bbc77'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_comment'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'ed48784783b410b31c2a238e27615eac'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_zip'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ed5d2a545b9b9db5a18dc0a9bc40021a'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_supplier_invoice_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ed5d95a681e45d0309559aff770ebfbd'
                        key: {
                            name: 'proc_po'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'edfaef6467683786be77d4786f7e4946'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_short_name'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ee4d7967a94f00e1445d9ffdfb2a4d35'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_expense_type'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ef7842606f0ed076ba1af7e7fd6a530f'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_reference'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ef8097938cb19db3e05789044234e947'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_purchase_order'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ef92fc6f343efb4edf86b7e680faa557'
                        key: {
                            name: 'proc_po'
                            element: 'x_acme_tieline_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'efb65d85880f2836e3725d6cfc9fdabc'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'efde63a884b47cdde3642cce310a39ce'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_phone'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f03a7a20cdd941ab85bd2585028750cf'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_name'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f1a112f8a2c1a3a0a7abf618237c9bad'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f1dc45072da26ac0d0a60852c07dcfb2'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_email'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f1dfdfad737aa949ca32a80db17f6d4c'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_contact'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f1f1d7eb69aa09e76b728f91de052577'
                        key: {
                            name: 'x_acme_tieline_invoice'
                            element: 'u_posting_period'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f2b5377e06fc061fc0315fcfa14eaf6a'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_line_description'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'f2c890c0d5bc0b61005cf064d91450d4'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_supplier_invoice_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f318838b29e53db5f238104d9d3a4ce6'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_date_added'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f3660dcad04b65a0f1af57eb9f046b9b'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_supplier_invoice_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f402f47bba1765f37c4966646f1cdef1'
                        key: {
                            name: 'proc_po'
                            element: 'x_acme_tieline_supplier'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f426984b5ced7aad7f844a1350ffb4b8'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'u_supplier_invoice_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'f556cd62c48e9b48ac08627131d1b762'
                        key: {
                            map: '377aff17e1763349e701b5b9c0df8d58'
                            target_field: 'u_on_hold'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f5e07c94554b048e603b69e8e430b26c'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f603095656848568c40e32fc7a7aaf5a'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f6d5676c5450d1a9e6a1cfe2f347f975'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_supplier_class'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'f6f1f65c60934a65842ee02a6997db16'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f7b7e94a1231bd8a8f02fe473e17a845'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_amount_open'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'f7f9480b378b754ad00379afb9d39a7d'
                        key: {
                            sys_security_acl: '97ce4be63282212ebd78b0d1c81a8afb'
                            sys_user_role: {
                                id: 'bcdbb4340775f348c921db8186a47d0f'
                                key: {
                                    name: 'x_acme_tieline.viewer'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f7fe52a8092025ec45bdef4b8ed14044'
                        key: {
                            name: 'x_acme_tieline_supplier_imp'
                            element: 'u_phone'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f87a662f35683a3f5f5ecaeeddd44626'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_line'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f88ada21e29c2712c3ce14be7a6d358e'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_journal_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f8e3a529e9a8b10119f7e7e8ade6f485'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_fax'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'f9ba703877a19cae4864bf8d5c465acb'
                        key: {
                            sys_security_acl: 'fd661f77001fbf70f43335b52c1fdba8'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'f9f9bf9bf8fd947a4a795f200efc77c7'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_supplier_invoice_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fa10d0c990c1b1a24320aa6fa854da4e'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_posting_period'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'fac9c795801677a415ae83bb60f37b3f'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'faf53e1e2be9e2bc32835c7b8e0f4dde'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_line_total'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'fb1b97d28ba8a118e82716878fd28501'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_due_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'fb621f949c7d774e596487f7b32f5d2b'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_year'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'fb86172f773213960b482a94d52f5dcf'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_posting_year'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'fc180f48d0c8a27fe124673eb0e0092b'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_expense_type'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fc621af9d742834689c0282b3edd9ff6'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_street'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fd5e672995044cf8b67db94127d41dcd'
                        key: {
                            name: 'itfm_gl_accounts'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'fd9eb035de6497c77514d434c51d038b'
                        key: {
                            name: 'x_acme_tieline_supplier'
                            element: 'u_payment_terms'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fdce577b55810a01e636e5ad116fbf94'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_entry_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fe2579873ed28cd955f7ec7feffa93d3'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_discount_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fe4b802518ea544816753d719cf180eb'
                        key: {
                            name: 'x_acme_tieline_invoice_line'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'fe92026e5b208ab0c031b67fb743f3d8'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_period'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fea9926cf5d7cc7b632394dab32de2d7'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_supplier_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'feb5e953533b09e7f1302f8ab20cbbed'
                        key: {
                            map: '3b4af6748f019c9ce4304f8899bfcca4'
                            target_field: 'u_gl_account'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'ff1bcf7a229eff1402075251bc7cb46f'
                        key: {
                            map: '9f8ab5c08e65b7a76cce7d034ce7214c'
                            target_field: 'u_discount_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ff676dc8aef73ef30db5f56d03c9d786'
                        key: {
                            name: 'x_acme_tieline_invoice_imp'
                            element: 'u_posting_period'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ffca1c984e23336ed6ac416d58c650dd'
                        key: {
                            name: 'proc_po_item'
                            element: 'x_acme_tieline_line_type'
                            language: 'en'
                        }
                    },
                ]
            }
        }
    }
}
